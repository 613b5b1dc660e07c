//! The program. What it can do is told by [`baton::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    baton::cli::run(std::env::args_os().collect())
}
