//! Who waits for whom.
//!
//! Built once from all specs, live and archived, and then asked: what is ready, what stands in the way, in which order. Names in
//! `depends_on` are resolved once, cycles are found once, and nothing recurses, so that a chain of 10,000 specs is a matter of
//! milliseconds and no danger to the stack.

use super::id::{Parts, SpecId};
use super::status::{Approval, Shown, Status};
use std::cell::OnceCell;
use std::collections::HashMap;
use std::fmt;

/// What the graph needs to know of a spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub id: SpecId,
    /// The stored status.
    pub status: Status,
    /// Where it stands with its approvers.
    pub approval: Approval,
    /// The front matter's `depends_on`, as written.
    pub depends_on: Vec<String>,
    /// True where it is known from the archive.
    pub archived: bool,
}

impl Node {
    /// True where nobody waits for it. A cancelled spec is waited for even in the archive: housekeeping must not make others ready.
    fn is_done(&self) -> bool {
        self.status == Status::Completed || (self.archived && self.status != Status::Cancelled)
    }
}

/// What stands in the way of a spec; displayed as a fragment that follows the spec's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocker {
    /// `depends_on` names nothing that is known here, or several specs.
    Unknown(String),
    /// A dependency that is not completed.
    Open(SpecId, Status),
    /// Its own approval is missing or was refused.
    Approval(Approval),
    /// It waits for itself: every spec of the circle, each waiting for the next and the last for the first.
    Cycle(Vec<SpecId>),
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => write!(f, "depends on '{}', which is no one spec here", name.escape_debug()),
            Self::Open(id, status) => write!(f, "depends on {id}, which is {}", status.as_str().replace('_', " ")),
            Self::Approval(Approval::Rejected) => f.write_str("was rejected"),
            Self::Approval(_) => f.write_str("awaits approval"),
            Self::Cycle(ids) => write!(f, "depends on itself: {}", circle(ids)),
        }
    }
}

/// There is no order: these specs wait for each other in a circle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle(pub Vec<SpecId>);

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "specs depend on each other in a circle: {}", circle(&self.0))
    }
}

impl std::error::Error for Cycle {}

/// `a -> b -> a`, shortened where it is long.
fn circle(ids: &[SpecId]) -> String {
    const SHOWN: usize = 8;
    let mut words: Vec<&str> = ids.iter().take(SHOWN).map(SpecId::as_str).collect();
    if ids.len() > SHOWN {
        words.push("...");
    }
    words.extend(ids.first().map(SpecId::as_str));
    words.join(" -> ")
}

/// All specs and what they wait for.
#[derive(Clone, Debug)]
pub struct Graph {
    /// Sorted by id, one node an id, so that an index orders as its id does.
    nodes: Vec<Node>,
    /// For every node its dependencies: sorted, each once.
    edges: Vec<Vec<usize>>,
    /// For every node the names in its `depends_on` that mean nothing here, or several specs.
    unknown: Vec<Vec<String>>,
    /// For every node the circle of open specs that it is caught in, as an index into `open_cycles`.
    caught: Vec<Option<usize>>,
    open_cycles: Vec<Vec<usize>>,
}

impl Graph {
    /// Builds the graph. Where an id is given twice, the live one counts (a reopened spec shadows its archived self).
    #[must_use]
    pub fn new(mut nodes: Vec<Node>) -> Self {
        nodes.sort_by(|a, b| a.id.cmp(&b.id).then(a.archived.cmp(&b.archived)));
        nodes.dedup_by(|later, first| later.id == first.id);
        let (edges, unknown) = Names::of(&nodes).resolve_all(&nodes);
        let mut graph = Self { caught: vec![None; nodes.len()], nodes, edges, unknown, open_cycles: Vec::new() };
        graph.find_open_cycles();
        graph
    }

    fn find_open_cycles(&mut self) {
        let open: Vec<Vec<usize>> =
            self.edges.iter().map(|to| to.iter().copied().filter(|&d| !self.nodes[d].is_done()).collect()).collect();
        for group in groups(&open, 0..self.nodes.len()) {
            if let Some(cycle) = cycle_in(&open, &group) {
                for &member in &group {
                    self.caught[member] = Some(self.open_cycles.len());
                }
                self.open_cycles.push(cycle);
            }
        }
    }

    fn index(&self, id: &SpecId) -> Option<usize> {
        self.nodes.binary_search_by(|node| node.id.cmp(id)).ok()
    }

    fn ids(&self, list: &[usize]) -> Vec<SpecId> {
        list.iter().map(|&at| self.nodes[at].id.clone()).collect()
    }

    /// The status that people see; `None` for a spec that is not in the graph.
    pub fn shown(&self, id: &SpecId) -> Option<Shown> {
        let at = self.index(id)?;
        let node = &self.nodes[at];
        if node.status != Status::Pending {
            return Some(Shown::Stored(node.status));
        }
        let blocked = node.approval.blocks()
            || !self.unknown[at].is_empty()
            || self.caught[at].is_some()
            || self.edges[at].iter().any(|&to| !self.nodes[to].is_done());
        Some(if blocked { Shown::Blocked } else { Shown::Ready })
    }

    /// Everything that stands in the way of a spec, whatever its own status: names that mean nothing, open dependencies, a circle
    /// that it is caught in, its approval. Empty for a spec that is not in the graph.
    pub fn blockers(&self, id: &SpecId) -> Vec<Blocker> {
        let Some(at) = self.index(id) else { return Vec::new() };
        let mut list: Vec<Blocker> = self.unknown[at].iter().cloned().map(Blocker::Unknown).collect();
        let open = self.edges[at].iter().map(|&to| &self.nodes[to]).filter(|node| !node.is_done());
        list.extend(open.map(|node| Blocker::Open(node.id.clone(), node.status)));
        if let Some(cycle) = self.caught[at] {
            let mut members = self.ids(&self.open_cycles[cycle]);
            // Told from this spec's side where it lies on the circle itself.
            if let Some(start) = members.iter().position(|member| member == id) {
                members.rotate_left(start);
            }
            list.push(Blocker::Cycle(members));
        }
        let approval = self.nodes[at].approval;
        if approval.blocks() {
            list.push(Blocker::Approval(approval));
        }
        list
    }

    /// `ids`, each once, dependencies first, also those that hold by way of specs that were not named; otherwise by id. Ids that are
    /// not in the graph wait for nothing. Fails where one of `ids` waits for itself.
    pub fn order(&self, ids: &[SpecId]) -> Result<Vec<SpecId>, Cycle> {
        let mut named: Vec<&SpecId> = ids.iter().collect();
        named.sort();
        named.dedup();
        let (known, unknown): (Vec<&SpecId>, Vec<&SpecId>) = named.into_iter().partition(|id| self.index(id).is_some());
        let roots: Vec<usize> = known.iter().filter_map(|id| self.index(id)).collect();
        let mut wanted = vec![false; self.nodes.len()];
        for &root in &roots {
            wanted[root] = true;
        }
        let mut ordered = Vec::with_capacity(ids.len());
        for group in groups(&self.edges, roots) {
            let asked = group.iter().any(|&at| wanted[at]);
            if let Some(cycle) = cycle_in(&self.edges, &group).filter(|_| asked) {
                return Err(Cycle(self.ids(&cycle)));
            }
            ordered.extend(group.into_iter().filter(|&at| wanted[at]));
        }
        let mut ordered = self.ids(&ordered);
        ordered.extend(unknown.into_iter().cloned());
        Ok(ordered)
    }

    /// Every circle, whatever the status of its specs: one a group of specs that all wait for each other, told from the smallest id.
    pub fn cycles(&self) -> Vec<Vec<SpecId>> {
        let mut list: Vec<Vec<SpecId>> = groups(&self.edges, 0..self.nodes.len())
            .iter()
            .filter_map(|group| cycle_in(&self.edges, group))
            .map(|c| self.ids(&c))
            .collect();
        list.sort();
        list
    }

    /// Everything that a spec depends on, directly or not, dependencies first, without the spec itself.
    pub fn dependencies(&self, id: &SpecId) -> Vec<SpecId> {
        let Some(at) = self.index(id) else { return Vec::new() };
        let all: Vec<usize> = groups(&self.edges, [at]).into_iter().flatten().filter(|&other| other != at).collect();
        self.ids(&all)
    }
}

/// The names that `depends_on` may use: ids, and suffixes of ids (`k9w`).
struct Names<'a> {
    /// Sorted.
    ids: Vec<&'a str>,
    /// `None` where several specs share the suffix. Made for the first name that is no whole id.
    suffixes: OnceCell<HashMap<&'a str, Option<usize>>>,
}

impl<'a> Names<'a> {
    /// `nodes` are sorted by id.
    fn of(nodes: &'a [Node]) -> Self {
        Self { ids: nodes.iter().map(|node| node.id.as_str()).collect(), suffixes: OnceCell::new() }
    }

    fn suffixes(&self) -> HashMap<&'a str, Option<usize>> {
        let mut suffixes = HashMap::new();
        for (at, id) in self.ids.iter().enumerate() {
            if let Some(name) = Parts::name(id) {
                suffixes.entry(name).and_modify(|first| *first = None).or_insert(Some(at));
            }
        }
        suffixes
    }

    /// The id itself, then a suffix that one spec has, then a beginning that one spec has.
    fn resolve(&self, name: &str) -> Option<usize> {
        let name = name.trim();
        let name = name.strip_prefix(".chant/specs/").unwrap_or(name);
        let name = name.strip_suffix(".md").unwrap_or(name);
        if name.is_empty() {
            return None;
        }
        if let Ok(at) = self.ids.binary_search(&name) {
            return Some(at);
        }
        if let Some(found) = self.suffixes.get_or_init(|| self.suffixes()).get(name) {
            return *found;
        }
        let first = self.ids.partition_point(|id| *id < name);
        let begins = |at: usize| self.ids.get(at).is_some_and(|id| id.starts_with(name));
        (begins(first) && !begins(first + 1)).then_some(first)
    }

    fn resolve_all(&self, nodes: &[Node]) -> (Vec<Vec<usize>>, Vec<Vec<String>>) {
        let mut edges = Vec::with_capacity(nodes.len());
        let mut unknown = Vec::with_capacity(nodes.len());
        for node in nodes {
            let (mut to, mut lost) = (Vec::new(), Vec::new());
            for name in &node.depends_on {
                match self.resolve(name) {
                    Some(at) => to.push(at),
                    None if lost.contains(name) => {}
                    None => lost.push(name.clone()),
                }
            }
            to.sort_unstable();
            to.dedup();
            edges.push(to);
            unknown.push(lost);
        }
        (edges, unknown)
    }
}

/// Tarjan's algorithm with a stack of its own: what can be reached from `roots`, in groups of nodes that all reach each other, every
/// group after the groups that it points to. Members are sorted.
fn groups(edges: &[Vec<usize>], roots: impl IntoIterator<Item = usize>) -> Vec<Vec<usize>> {
    const UNSEEN: usize = usize::MAX;
    let mut number = vec![UNSEEN; edges.len()];
    let mut lowest = vec![UNSEEN; edges.len()];
    let mut grouped = vec![false; edges.len()];
    let (mut seen, mut open, mut found) = (0, Vec::new(), Vec::new());
    for root in roots {
        if number[root] != UNSEEN {
            continue;
        }
        // A node, and which of its edges is next.
        let mut path = vec![(root, 0)];
        while let Some((at, edge)) = path.last_mut() {
            let at = *at;
            if *edge == 0 {
                (number[at], lowest[at]) = (seen, seen);
                seen += 1;
                open.push(at);
            }
            if let Some(&to) = edges[at].get(*edge) {
                *edge += 1;
                if number[to] == UNSEEN {
                    path.push((to, 0));
                } else if !grouped[to] {
                    lowest[at] = lowest[at].min(number[to]);
                }
                continue;
            }
            path.pop();
            if let Some(&(parent, _)) = path.last() {
                lowest[parent] = lowest[parent].min(lowest[at]);
            }
            if lowest[at] == number[at] {
                let start = open.iter().rposition(|&member| member == at).unwrap_or(0);
                let mut group = open.split_off(start);
                for &member in &group {
                    grouped[member] = true;
                }
                group.sort_unstable();
                found.push(group);
            }
        }
    }
    found
}

/// A shortest circle through the first node of a group of [`groups`]; `None` for a single node that does not point to itself.
fn cycle_in(edges: &[Vec<usize>], group: &[usize]) -> Option<Vec<usize>> {
    let &start = group.first()?;
    if group.len() == 1 {
        return edges[start].contains(&start).then(|| vec![start]);
    }
    // Breadth first, backwards pointers to read the way from.
    let mut came_from: HashMap<usize, usize> = HashMap::new();
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        if edges[at].contains(&start) {
            let mut cycle = vec![at];
            while let Some(&before) = cycle.last().filter(|last| **last != start).and_then(|last| came_from.get(last)) {
                cycle.push(before);
            }
            cycle.reverse();
            return Some(cycle);
        }
        for &to in &edges[at] {
            if group.binary_search(&to).is_ok() && to != start && !came_from.contains_key(&to) {
                came_from.insert(to, at);
                queue.push_back(to);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests;
