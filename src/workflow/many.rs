//! Many specs, several at once: carries out what [`super::schedule`] decides.
//!
//! Each run has a thread with a context of its own and goes the way of a single run, so that whatever ends us leaves what it would leave
//! of single runs. A request to stop reaches every run; nothing new is started after it.

mod pool;

pub use pool::Request;

use super::graceful::Graceful;
use super::live::Live;
use super::merge::{self, Merged};
use super::plan::Options;
use super::schedule::{self, Step};
use super::start::Started;
use super::work::{self, Report};
use super::{finish::Conclusion, idle, pickup, resume};
use crate::context::Context;
use crate::git::command::share_processors;
use crate::git::glance::Glances;
use crate::git::idle::IdleWorktrees;
use crate::spec::SpecId;
use anyhow::{Result, anyhow};
use pool::Pool;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

/// How often we look whether somebody asked us to stop.
const POLL: Duration = Duration::from_millis(50);

/// Which specs are worked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// These, in this order where nothing else decides.
    These(Vec<SpecId>),
    /// Every spec that is ready, or becomes so meanwhile; with labels, those that have one of them.
    Ready(Vec<String>),
    /// Every spec whose run failed or died here, and that has attempts left: each is gone on with.
    Unfinished,
}

/// What became of one spec.
#[derive(Debug)]
pub struct Worked {
    /// The spec.
    pub id: SpecId,
    /// What became of it.
    pub what: What,
}

/// What became of a spec.
#[derive(Debug)]
pub enum What {
    /// Its agent ran; and what came of its merge, where one was asked for.
    Ran(Box<Report>, Option<Result<Merged>>),
    /// It was not started, and why.
    NotStarted(anyhow::Error),
    /// The run could not be brought to its end.
    Broken(anyhow::Error),
}

impl Worked {
    /// True where everything that was asked for was done.
    pub fn is_done(&self) -> bool {
        let merged = |merge: &Option<Result<Merged>>| matches!(merge, None | Some(Ok(Merged::Done | Merged::Already)));
        matches!(&self.what, What::Ran(report, merge) if matches!(report.conclusion, Conclusion::Finished(_)) && merged(merge))
    }
}

/// Hears what happens. Runs call it from threads of their own.
pub trait Teller: Sync {
    /// A run has begun; what it says goes to what is returned.
    fn started(&self, started: &Started) -> Box<dyn Live>;
    /// A spec is done with.
    fn ended(&self, worked: &Worked);
}

/// What became of a request.
#[derive(Debug)]
pub struct Sum {
    /// What became of each spec, in the order in which they ended. Those that were named and could not be started are at the end.
    pub list: Vec<Worked>,
    /// Somebody asked us to stop.
    pub stopped: bool,
}

/// Works the specs of a request until nothing more can be started.
pub fn work(ctx: &Context, request: &Request, teller: &dyn Teller) -> Result<Sum> {
    let graceful = Graceful::begin(ctx)?;
    let _held = ctx.out.hold();
    let mut pool = Pool::new(ctx, request)?;
    if request.jobs > std::thread::available_parallelism().map_or(1, usize::from) {
        share_processors();
    }
    let merging = Mutex::new(());
    let idle = Arc::new(IdleWorktrees::begin(&ctx.repo, request.jobs)?);
    let (send, ended) = mpsc::channel();
    std::thread::scope(|scope| {
        loop {
            pool.look(graceful.asked());
            match schedule::next(&pool.now()) {
                Step::Start(id, agent) => {
                    let options = Options { agent: Some(pool.begin(&id, agent)), ..request.options.clone() };
                    let resumes = request.which == Which::Unfinished;
                    let merges = request.merge.then_some(&merging);
                    let job = Job { id, options, resumes, merges, idle: &idle, glances: &ctx.glances, teller };
                    let send = send.clone();
                    scope.spawn(move || {
                        let what = catch_unwind(AssertUnwindSafe(|| job.run())).unwrap_or_else(|_| Err(anyhow!("git-chant has a bug")));
                        // The receiver lives as long as this scope.
                        drop(send.send(Worked { id: job.id, what: what.unwrap_or_else(What::Broken) }));
                    });
                }
                Step::Wait(time) => {
                    if let Ok(worked) = ended.recv_timeout(time.map_or(POLL, |time| time.min(POLL))) {
                        teller.ended(&worked);
                        pool.end(worked);
                    }
                }
                Step::Done => break,
            }
        }
    });
    idle::clear(ctx, &idle);
    Ok(Sum { list: pool.finish(teller)?, stopped: graceful.asked() })
}

/// One spec to be worked, in a thread of its own.
struct Job<'a> {
    id: SpecId,
    options: Options,
    resumes: bool,
    /// One merge at a time; `None` where nothing is to be merged.
    merges: Option<&'a Mutex<()>>,
    idle: &'a Arc<IdleWorktrees>,
    glances: &'a Arc<Glances>,
    teller: &'a dyn Teller,
}

impl Job<'_> {
    fn run(&self) -> Result<What> {
        let ctx = Context { idle: Some(Arc::clone(self.idle)), glances: Arc::clone(self.glances), ..Context::discover()? };
        let started = match self.start(&ctx) {
            Ok(started) => started,
            Err(error) => return Ok(What::NotStarted(error)),
        };
        let target = started.plan.target.clone();
        let mut live = self.teller.started(&started);
        let report = work::run(&ctx, started, live.as_mut())?;
        let finished = matches!(report.conclusion, Conclusion::Finished(_));
        let merged = self.merges.filter(|_| finished).map(|merging| {
            live.goes_on("waiting for its turn to be merged");
            let _one_at_a_time = merging.lock();
            live.goes_on("being merged");
            merge::until_it_takes(&ctx, &self.id, &target)
        });
        Ok(What::Ran(Box::new(report), merged))
    }

    fn start(&self, ctx: &Context) -> Result<Started> {
        // Somebody may have edited it since the last look.
        pickup::pick_up(ctx)?;
        match self.resumes {
            true => resume::begin(ctx, &self.id, &self.options, false),
            false => super::next::begin(ctx, &self.id, &self.options),
        }
    }
}
