//! A freeze of ten minutes at every store call of every function, while an admin changes the settings.
//!
//! In each trial one call of a function is held: before the tables execute it, or before its answer arrives. Meanwhile the
//! number of shards, the retention and, in some trials, a hold change, and the wall clock goes ten minutes on. The monotonic
//! clock does not, as in an instance that Lambda froze. Then the function goes on, the sealer, the expiry and the delivery
//! run, and [`check`] looks for a broken invariant.
//!
//! The clock is that of the whole process, so the test runs itself again with a library that moves it. Each function is
//! frozen at its first three calls and every third call after them, in one of four ways: before or after the call, with or
//! without a hold. `FULL=1` freezes it at every call in all four ways.

#![allow(clippy::unwrap_used, reason = "in a test, an unwrap is an assertion")]

mod check;
mod functions;
mod gate;
mod world;

use std::{env, path::Path, process::Command};

use self::{
    functions::Function,
    gate::Held,
    world::{Surroundings, World},
};

const TEST: &str = "no_invariant_breaks_if_a_function_freezes_for_ten_minutes_at_any_call";

#[test]
fn no_invariant_breaks_if_a_function_freezes_for_ten_minutes_at_any_call() {
    if env::var_os("CLOCK_AHEAD").is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(table());
    }
    let folder = tempfile::tempdir().unwrap();
    let shim = folder.path().join("ahead.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("clock/ahead.c");
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&shim).arg(source).status();
    assert!(compiled.unwrap().success(), "cc is there, because Rust links with it");
    let ahead = folder.path().join("seconds");
    std::fs::write(&ahead, "0").unwrap();
    let again = Command::new(env::current_exe().unwrap())
        .args(["--exact", TEST, "--nocapture"])
        .env("LD_PRELOAD", &shim)
        .env("CLOCK_AHEAD", &ahead)
        .status();
    assert!(again.unwrap().success(), "a trial failed; its output is above");
}

/// Runs all trials and prints their number for each function.
async fn table() {
    let is_full = env::var_os("FULL").is_some();
    let only = env::var("FUNCTION").ok();
    let surroundings = Surroundings::start().await;
    let (mut all, mut violations) = (0, Vec::<String>::new());
    for (index, function) in Function::ALL.into_iter().enumerate() {
        if only.as_ref().is_some_and(|only| *only != format!("{function:?}")) {
            continue;
        }
        let ways = if is_full {
            vec![(Held::Call, false), (Held::Answer, false), (Held::Call, true), (Held::Answer, true)]
        } else {
            vec![if index % 2 == 0 { (Held::Call, index % 4 == 0) } else { (Held::Answer, index % 4 == 1) }]
        };
        let (mut trials, mut calls) = (0, 0);
        for (held, hold) in ways {
            let mut number = 0;
            loop {
                let world = World::prepared(&surroundings, function).await;
                let Some(ran) = world.freeze(function, number, held, hold).await else { break };
                let broken = check::invariants(&world, &ran, hold).await;
                let trial = format!("{function:?}, call {number}, {held:?}, hold {hold}");
                violations.extend(broken.into_iter().map(|broken| format!("{trial}: {broken}")));
                (trials, calls) = (trials + 1, calls.max(number + 1));
                number += if is_full || number < 2 { 1 } else { 3 };
            }
        }
        assert!(trials > 0, "{function:?} makes no call");
        println!("{function:?}: {calls} calls, {trials} trials, {} violations so far", violations.len());
        all += trials;
    }
    println!("freezes of ten minutes: {all} trials, {} violations", violations.len());
    assert!(violations.is_empty(), "{violations:#?}");
}
