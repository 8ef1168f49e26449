//! What tests draw is the same in every run, so that none fails by chance in a change that has nothing to do with it. Other seeds look further:
//! `GIT_CHANT_TEST_SEED` for the kills, `PROPTEST_RNG_SEED` and `PROPTEST_CASES` for properties.

use proptest::test_runner::{Config, RngSeed};

const SEED: u64 = 20_260_129;

/// The seed that the environment names, or always the same.
pub fn seed() -> u64 {
    std::env::var("GIT_CHANT_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(SEED)
}

/// So many cases, unless the environment wants another number.
pub fn properties(cases: u32) -> Config {
    let asked = Config::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { asked.cases } else { cases };
    let rng_seed = if asked.rng_seed == RngSeed::Random { RngSeed::Fixed(SEED) } else { asked.rng_seed };
    Config { cases, rng_seed, max_global_rejects: cases.saturating_mul(8), failure_persistence: None, ..asked }
}
