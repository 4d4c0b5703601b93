//! `spindle load peers`, from its command line to its exit status.

use std::os::unix::fs::symlink;

use crate::kit::server::spindle;

#[test]
fn response_times_that_are_none_end_with_a_status_of_their_own() {
    if spindle_core::thread::cpus_available().len() < 2 {
        eprintln!("NOT TESTED: server and load need a CPU each");
        return;
    }
    // Spindle beside itself, so that nothing has to be installed; and nothing is due within a microsecond.
    let folder = tempfile::tempdir().unwrap();
    let memcached = folder.path().join("memcached");
    symlink(env!("CARGO_BIN_EXE_spindle"), &memcached).unwrap();
    let rows = "--rows equal-load --ceiling none --rounds 1 --seconds 0.000001";
    let output = spindle(&format!("load peers cache {rows} --memcached {}", memcached.display())).output().unwrap();
    let (table, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(3), "{table}{said}");
    assert!(table.contains(" (INVALID) | ") && table.contains("no request was answered"), "{table}");
    assert!(said.contains("not valid: equal-load (Spindle, memcached)"), "{said}");
}
