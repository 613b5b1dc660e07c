//! The fuzz targets over their corpus, without a fuzzer: what `script/fuzz` has found stays mended, and the targets themselves do not rot.

#[path = "../../fuzz/src/lib.rs"]
mod targets;

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use targets::TARGETS;

/// Longest input that the fuzzer makes (`-max_len` in script/fuzz); longer seeds it would cut.
const LONGEST: u64 = 16_384;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

fn names(folder: &str) -> BTreeSet<String> {
    files(folder).iter().map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned()).collect()
}

/// What each target is tried on: its corpus, and the payloads of the repository that are seeds of it as well.
fn seeds(target: &str) -> Vec<PathBuf> {
    let mut seeds = files(&format!("fuzz/corpus/{target}"));
    match target {
        "webhook" => seeds.extend(files("tests/fixtures/webhooks")),
        "script" => seeds.push(root().join("src/bot/script.toml")),
        _ => {}
    }
    seeds
}

#[test]
fn every_seed_and_every_beginning_of_one_holds() {
    for (target, check) in TARGETS {
        for file in seeds(target) {
            let bytes = fs::read(&file).expect("a seed");
            let step = bytes.len().div_ceil(24).max(1);
            for length in (0..bytes.len()).step_by(step).chain([bytes.len()]) {
                let held = catch_unwind(|| check(&bytes[..length]));
                assert!(held.is_ok(), "{target}: the first {length} bytes of {}", file.display());
            }
        }
    }
}

#[test]
fn every_target_has_its_program_and_its_corpus() {
    let listed: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names("fuzz/fuzz_targets"), listed);
    assert_eq!(names("fuzz/corpus"), listed);
    let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).expect("fuzz/Cargo.toml");
    for name in &listed {
        let program = fs::read_to_string(root().join(format!("fuzz/fuzz_targets/{name}.rs"))).expect("a program");
        assert!(program.contains(&format!("baton_fuzz::{name}::check(input)")), "{program}");
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name} is not in fuzz/Cargo.toml");
        let corpus = files(&format!("fuzz/corpus/{name}"));
        assert!(corpus.len() >= 5, "{name}: {corpus:?}");
        for seed in corpus {
            let length = seed.metadata().expect("a seed").len();
            assert!((1..=LONGEST).contains(&length), "{}: {length} bytes", seed.display());
        }
    }
}
