//! Uploads, transfers and the bounds of a disk in the simulated machine, over many seeds: whatever the disk answers, a name
//! stands for what it stood for, or for the whole of what was acknowledged.

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use spindle_core::counters::CoreCounters;
use spindle_core::op::Existing;
use spindle_core::simulator::{Faults, Random, SimulatedKernel, World};
use spindle_core::stall::StallReport;
use spindle_core::{Core, Limits};
use spindle_disk::failure::Failure;
use spindle_disk::upload::{Expected, Promise, Refused, Room, SPOOL_FOLDER, Upload, remove};
use spindle_disk::{Changes, DiskLimits, Files, Root, Transfer};

const SECOND_NS: u64 = 1_000_000_000;

/// Runs the flow of `main` in the world.
fn simulate<F>(world: &World, main: impl FnOnce(Core) -> F)
where
    F: Future<Output = ()> + 'static,
{
    let limits = Limits { drain_ns: 1000 * SECOND_NS, ..Limits::default() };
    let kernel = SimulatedKernel::new(world, &limits).unwrap();
    let core = Core::new(Box::new(kernel), limits, Arc::new(CoreCounters::default()), StallReport::Count);
    let flow = main(core.clone());
    core.run(flow);
}

fn root(core: &Core, world: &World, limits: DiskLimits) -> Rc<Root> {
    world.put("dev1/.keep", b"");
    world.put("dev2/.keep", b"");
    let open = |name: &str| (name.to_owned(), world.open_folder(name));
    Rc::new(Root::of(core, world.root(), vec![open("dev2"), open("dev1")], limits))
}

fn body(random: &mut Random, length: usize) -> Vec<u8> {
    (0..length).map(|_| random.below(256) as u8).collect()
}

async fn put(root: &Root, changes: &Changes, path: &str, body: &[u8], expected: Expected) -> Result<(), Refused> {
    let (disk, beneath) = root.disk(path.as_bytes());
    let mut upload = Upload::begin(disk, path.as_bytes(), beneath, expected, Promise::Durable).await?;
    for piece in body.chunks(50_000) {
        if upload.push(piece)? == Room::None {
            upload.write_out().await?;
        }
    }
    upload.finish(changes).await
}

async fn get(root: &Root, files: &Files, path: &str) -> Result<Vec<u8>, Failure> {
    let (disk, beneath) = root.disk(path.as_bytes());
    let (file, status) = files.open(disk, path.as_bytes(), beneath).await?;
    let mut transfer = Transfer::new(file, 0..status.bytes, status.bytes);
    let mut bytes = Vec::new();
    while !transfer.is_over() {
        assert_eq!(transfer.ready(disk, &mut bytes), None, "the simulator has no page cache");
        transfer.read(disk, &mut bytes).await?;
    }
    Ok(bytes)
}

fn temporaries(world: &World) -> Vec<String> {
    world.files().into_iter().filter(|path| path.contains(SPOOL_FOLDER)).collect()
}

#[test]
fn a_name_stands_for_its_old_content_or_for_all_of_the_new_whatever_the_disk_answers() {
    let (mut kept, mut refused) = (0, 0);
    for seed in 0..300 {
        let faults =
            Faults { short: 30, late: 20, input_output: 6, no_space: 6, disk_ns: 1_000_000, ..Faults::default() };
        let world = World::new(seed, faults);
        let outcome = Rc::new(Cell::new(None));
        let mut random = Random::new(seed);
        let (old, new) = (body(&mut random, 1000), body(&mut random, 300_000));
        world.put("dev1/0/000/a.fid", &old);
        let (tell, uploaded, of) = (Rc::clone(&outcome), new.clone(), world.clone());
        simulate(&world, |core| async move {
            let root = root(&core, &of, DiskLimits::default());
            let changes = Changes::default();
            let length = Some(uploaded.len() as u64);
            let done =
                put(&root, &changes, "dev1/0/000/a.fid", &uploaded, Expected { length, ..Expected::default() }).await;
            tell.set(Some(done));
            // What goes on in the background comes to its end.
            of.set_faults(Faults::default());
            core.sleep_until(core.now_ns() + SECOND_NS).await;
        });
        let found = world.get("dev1/0/000/a.fid").unwrap();
        match outcome.get().unwrap() {
            Ok(()) => {
                kept += 1;
                assert!(found == new, "seed {seed}: what was acknowledged is not there");
            }
            Err(_) => {
                refused += 1;
                // The rename was done where only the sync of its folder failed.
                assert!(found == old || found == new, "seed {seed}: a torn file");
            }
        }
    }
    assert!(kept > 30 && refused > 30, "{kept} kept, {refused} refused: the faults are not worth the name");
}

#[test]
fn what_is_refused_leaves_neither_name_nor_temporary() {
    let world = World::new(1, Faults::default());
    let of = world.clone();
    simulate(&world, |core| async move {
        let root = root(&core, &of, DiskLimits::default());
        let changes = Changes::default();
        let expect = |length, md5| Expected { length, md5, ..Expected::default() };
        for (path, body, expected, why) in [
            ("dev1/short", &b"four"[..], expect(Some(5), None), Refused::Length),
            ("dev1/long", b"four", expect(Some(3), None), Refused::Length),
            ("dev1/other", b"four", expect(None, Some([0; 16])), Refused::Digest),
            ("dev3/no-disk", b"four", expect(None, None), Refused::Disk(Failure::Absent)),
            ("dev1/.keep/file", b"four", expect(None, None), Refused::Disk(Failure::Absent)),
        ] {
            assert_eq!(put(&root, &changes, path, body, expected).await, Err(why), "{path}");
            assert_eq!(of.get(path), None, "{path}");
        }
        let md5 = *b"\x85\xfd\x5c\xcf\x6d\xf6\x77\x01\xd8\x22\x8a\x45\x2f\xa4\x0f\xc9";
        assert_eq!(put(&root, &changes, "dev1/wrong", b"four", expect(None, Some(md5))).await, Err(Refused::Digest));
        core.sleep_until(core.now_ns() + SECOND_NS).await;
        assert_eq!(temporaries(&of), [""; 0]);
        put(&root, &changes, "dev1/deep/er/file", b"four", expect(Some(4), None)).await.unwrap();
        put(&root, &changes, "elsewhere/file", b"four", expect(None, None)).await.unwrap();
        let kept = Expected { existing: Existing::Kept, ..Expected::default() };
        assert_eq!(put(&root, &changes, "dev1/deep/er/file", b"another", kept).await, Err(Refused::Exists));
        put(&root, &changes, "dev2/empty", b"", expect(Some(0), None)).await.unwrap();
        assert_eq!(of.get("dev1/deep/er/file").unwrap(), b"four");
        assert_eq!(of.get("elsewhere/file").unwrap(), b"four");
        assert_eq!(of.get("dev2/empty").unwrap(), b"");
        assert_eq!(temporaries(&of), [""; 0]);
    });
}

#[test]
fn an_upload_that_is_given_up_is_removed() {
    let world = World::new(1, Faults::default());
    let of = world.clone();
    simulate(&world, |core| async move {
        let root = root(&core, &of, DiskLimits::default());
        let (disk, beneath) = root.disk(b"dev1/a");
        let mut upload = Upload::begin(disk, b"dev1/a", beneath, Expected::default(), Promise::Durable).await.unwrap();
        assert_eq!(upload.push(&[1; 200_000]), Ok(Room::None));
        upload.write_out().await.unwrap();
        assert_eq!((upload.bytes(), temporaries(&of).len()), (200_000, 1));
        drop(upload);
        core.sleep_until(core.now_ns() + SECOND_NS).await;
        assert_eq!((temporaries(&of).len(), of.get("dev1/a")), (0, None));
    });
}

#[test]
fn a_reader_sees_what_was_acknowledged_and_what_others_renamed_after_a_second() {
    let world = World::new(1, Faults::default());
    let of = world.clone();
    simulate(&world, |core| async move {
        let root = root(&core, &of, DiskLimits::default());
        let changes = Changes::default();
        // Two cores share what was changed, and nothing else.
        let (here, there) = (Files::new(changes.clone(), 10), Files::new(changes.clone(), 10));
        put(&root, &changes, "dev1/a", b"first", Expected::default()).await.unwrap();
        for files in [&here, &there] {
            assert_eq!(get(&root, files, "dev1/a").await.unwrap(), b"first");
            assert_eq!(files.kept(), 1);
        }
        put(&root, &changes, "dev1/a", b"second!", Expected::default()).await.unwrap();
        for files in [&here, &there] {
            assert_eq!(get(&root, files, "dev1/a").await.unwrap(), b"second!");
        }
        of.put("dev1/a", b"another's");
        assert_eq!(get(&root, &here, "dev1/a").await.unwrap(), b"second!", "believed for a second");
        core.sleep_until(core.now_ns() + 2 * SECOND_NS).await;
        assert_eq!(get(&root, &here, "dev1/a").await.unwrap(), b"another's");
        let (disk, beneath) = root.disk(b"dev1/a");
        remove(disk, b"dev1/a", beneath, Promise::Durable, &changes).await.unwrap();
        for files in [&here, &there] {
            assert_eq!(get(&root, files, "dev1/a").await, Err(Failure::Absent));
        }
        assert_eq!(get(&root, &here, "dev1").await, Err(Failure::Forbidden), "a folder is no file");
    });
}

#[test]
fn the_open_file_cache_is_bounded_and_keeps_what_is_used() {
    let world = World::new(1, Faults::default());
    let of = world.clone();
    simulate(&world, |core| async move {
        let root = root(&core, &of, DiskLimits::default());
        let files = Files::new(Changes::default(), 4);
        for at in 0..20 {
            of.put(&format!("dev1/{at}"), format!("{at}").as_bytes());
        }
        let before = of.descriptors_open();
        for at in 1..20 {
            for path in ["dev1/0".to_owned(), format!("dev1/{at}")] {
                get(&root, &files, &path).await.unwrap();
            }
        }
        assert_eq!((files.kept(), of.descriptors_open() - before), (4, 4));
        let (disk, beneath) = root.disk(b"dev1/0");
        of.hang("dev1");
        assert!(files.open(disk, b"dev1/0", beneath).await.is_ok(), "what is used again and again stays");
        of.mend("dev1");
        let none = Files::new(Changes::default(), 0);
        get(&root, &none, "dev1/0").await.unwrap();
        assert_eq!(none.kept(), 0);
    });
}

#[test]
fn a_file_that_is_gone_is_not_kept_open() {
    let world = World::new(1, Faults::default());
    let of = world.clone();
    simulate(&world, |core| async move {
        let root = root(&core, &of, DiskLimits::default());
        let changes = Changes::default();
        let files = Files::new(changes.clone(), 1000);
        for at in 0..200 {
            of.put(&format!("dev1/{at}"), b"content");
            get(&root, &files, &format!("dev1/{at}")).await.unwrap();
        }
        let path = b"dev1/7";
        let (disk, beneath) = root.disk(path);
        remove(disk, path, beneath, Promise::Written, &changes).await.unwrap();
        let before = of.descriptors_open();
        (0..4).for_each(|_| files.sweep(core.now_ns()));
        assert!(files.kept() < 200 && before - of.descriptors_open() == 200 - files.kept());
        assert!(files.cached(b"dev1/8", core.now_ns()).unwrap().is_some(), "the others stay, while they are trusted");
        core.sleep_until(core.now_ns() + 2 * SECOND_NS).await;
        (0..4).for_each(|_| files.sweep(core.now_ns()));
        assert_eq!(files.kept(), 0);
    });
}

#[test]
fn a_disk_that_hangs_keeps_nobody_waiting_who_needs_another() {
    let world = World::new(1, Faults::default());
    let of = world.clone();
    simulate(&world, |core| async move {
        let limits = DiskLimits { ops_max: 2, waiting_max: 3, patience_ns: SECOND_NS };
        let root = root(&core, &of, limits);
        let files = Rc::new(Files::new(Changes::default(), 0));
        of.put("dev1/a", b"on the disk that hangs");
        of.put("dev2/a", b"on the one that does not");
        of.hang("dev1");
        let (hung, _) = root.disk(b"dev1/a");
        let outcomes = Rc::new(std::cell::RefCell::new(Vec::new()));
        for _ in 0..7 {
            let (root, files, outcomes) = (Rc::clone(&root), Rc::clone(&files), Rc::clone(&outcomes));
            core.spawn("get", async move {
                let outcome = get(&root, &files, "dev1/a").await.unwrap_err();
                outcomes.borrow_mut().push(outcome);
            });
        }
        core.next_turn().await;
        core.next_turn().await;
        assert_eq!(*outcomes.borrow(), [Failure::Busy; 2], "two are in flight, three wait, and more may not");
        assert_eq!(hung.ops_in_flight(), 2);
        let began_ns = core.now_ns();
        assert_eq!(get(&root, &files, "dev2/a").await.unwrap(), b"on the one that does not");
        assert!(core.now_ns() - began_ns < SECOND_NS / 10, "the other disk is as quick as ever");
        core.sleep_until(began_ns + 2 * SECOND_NS).await;
        assert!(hung.hangs() && hung.ops_in_flight() == 2, "what the kernel holds keeps its place");
        let told = outcomes.borrow()[2..].to_vec();
        assert_eq!(told.len(), 5, "nobody waits any more");
        assert!(told.iter().filter(|outcome| **outcome == Failure::Hung).count() >= 2, "{told:?}");
        let asked_ns = core.now_ns();
        assert_eq!(get(&root, &files, "dev1/a").await, Err(Failure::Hung));
        assert_eq!(core.now_ns(), asked_ns, "told at once");
        of.mend("dev1");
        core.sleep_until(core.now_ns() + SECOND_NS / 10).await;
        assert!(!hung.hangs() && hung.ops_in_flight() == 0);
        assert_eq!(get(&root, &files, "dev1/a").await.unwrap(), b"on the disk that hangs");
    });
}

#[test]
fn a_durable_upload_syncs_every_folder_that_was_made_for_it() {
    let world = World::new(1, Faults::default());
    let of = world.clone();
    simulate(&world, |core| async move {
        let root = root(&core, &of, DiskLimits::default());
        let changes = Changes::default();
        put(&root, &changes, "dev1/0/000/001/a.fid", b"four", Expected::default()).await.unwrap();
        assert!(!of.name_is_unsynced("dev1/0/000/001/a.fid"));
        let (disk, beneath) = root.disk(b"dev1/0/written");
        let mut upload =
            Upload::begin(disk, b"dev1/0/written", beneath, Expected::default(), Promise::Written).await.unwrap();
        upload.push(b"four").unwrap();
        upload.finish(&changes).await.unwrap();
        assert!(of.name_is_unsynced("dev1/0/written"), "nobody asked for more");
        let path = b"dev1/0/000/001/a.fid";
        let (disk, beneath) = root.disk(path);
        remove(disk, path, beneath, Promise::Durable, &changes).await.unwrap();
        assert_eq!(of.get("dev1/0/000/001/a.fid"), None);
    });
}

#[test]
fn a_durable_upload_syncs_folders_that_somebody_else_has_made_and_each_of_them_once() {
    let world = World::new(1, Faults::default());
    let of = world.clone();
    simulate(&world, |core| async move {
        let root = root(&core, &of, DiskLimits::default());
        let changes = Changes::default();
        let name = b"dev1/0/000/written";
        let (disk, beneath) = root.disk(name);
        let upload = Upload::begin(disk, name, beneath, Expected::default(), Promise::Written).await.unwrap();
        upload.finish(&changes).await.unwrap();
        assert!(of.name_is_unsynced("dev1/0"), "who promises less syncs nothing");
        put(&root, &changes, "dev1/0/000/a", b"four", Expected::default()).await.unwrap();
        assert!(!of.name_is_unsynced("dev1/0/000/a"));
        // What is known to last is not synced again: a change that nobody told us of stays as it is.
        of.unsync("dev1/0");
        put(&root, &changes, "dev1/0/000/b", b"four", Expected::default()).await.unwrap();
        assert!(of.name_is_unsynced("dev1/0/000"));
    });
}

#[test]
fn a_folder_that_was_made_again_is_another_one_whoever_made_it() {
    for somebody_else in [false, true] {
        let world = World::new(1, Faults::default());
        let of = world.clone();
        simulate(&world, |core| async move {
            let (ours, others) = (root(&core, &of, DiskLimits::default()), root(&core, &of, DiskLimits::default()));
            let changes = Changes::default();
            put(&ours, &changes, "dev1/0/000/a", b"four", Expected::default()).await.unwrap();
            of.take_away("dev1/0");
            if somebody_else {
                let name = b"dev1/0/000/written";
                let (disk, beneath) = others.disk(name);
                let begun = Upload::begin(disk, name, beneath, Expected::default(), Promise::Written).await;
                begun.unwrap().finish(&changes).await.unwrap();
                assert!(of.name_is_unsynced("dev1/0"));
            }
            put(&ours, &changes, "dev1/0/000/b", b"four", Expected::default()).await.unwrap();
            assert!(!of.name_is_unsynced("dev1/0/000/b"));
        });
    }
}

#[test]
fn an_upload_makes_the_spool_folder_again_that_somebody_took_away() {
    let world = World::new(1, Faults::default());
    let of = world.clone();
    simulate(&world, |core| async move {
        let root = root(&core, &of, DiskLimits::default());
        let changes = Changes::default();
        put(&root, &changes, "dev1/a", b"first", Expected::default()).await.unwrap();
        of.take_away(&format!("dev1/{SPOOL_FOLDER}"));
        put(&root, &changes, "dev1/a", b"second", Expected::default()).await.unwrap();
        assert_eq!(of.get("dev1/a").unwrap(), b"second");
    });
}
