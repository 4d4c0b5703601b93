//! Every server of files and every proxy starts from its template, does what it is measured at, and is gone afterwards.
//!
//! One that is not installed is not tested, and says so; nor is Spindle, where SPINDLE_BINARY does not name it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use spindle_perf::peers::files::{self, FileRow, FilesError, Job, Missing, Options, Rival, Running};
use spindle_perf::peers::{Cpus, PeersError, Progress};
use spindle_perf::process::{Pid, context_switches, cpu_time, resident_bytes, tree};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(20);

/// Installs nothing.
fn whoever_is_here() -> Options {
    let spindle = std::env::var_os("SPINDLE_BINARY").map(Into::into);
    Options { spindle, missing: Missing::LeaveOut, progress: Progress::Silent, ..Options::default() }
}

/// A file, and where a server serves it from.
struct Scene {
    folder: TempDir,
    content: Vec<u8>,
}

impl Scene {
    fn new() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let content: Vec<u8> = (0..100_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 16) as u8).collect();
        fs::create_dir_all(folder.path().join("root/deep")).unwrap();
        fs::write(folder.path().join("root/deep/file"), &content).unwrap();
        Scene { folder, content }
    }

    fn start(&self, rival: Rival) -> Option<Running> {
        let found = match rival.find(&whoever_is_here()) {
            Err(error @ (FilesError::Install(_) | FilesError::Unnamed { .. })) => {
                eprintln!("NOT TESTED: {}: {error}", rival.name());
                return None;
            }
            found => found.unwrap(),
        };
        assert!(found.version.ends_with(|last: char| last.is_ascii_digit()), "{:?}", found.version);
        let cpus = spindle_core::thread::cpus_available();
        let last = cpus[cpus.len() - 1];
        let cpus = Cpus { load: cpus[0], server: last, behind: last };
        Some(found.start(&self.folder.path().join("root"), self.folder.path(), cpus).unwrap())
    }
}

struct Answer {
    status: u16,
    body: Vec<u8>,
}

/// A connection that is kept.
struct Client {
    stream: TcpStream,
    answers: BufReader<TcpStream>,
}

impl Client {
    fn new(server: SocketAddr) -> Client {
        let stream = TcpStream::connect(server).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Client { answers: BufReader::new(stream.try_clone().unwrap()), stream }
    }

    fn ask(&mut self, request: &str, more: &str, body: &[u8]) -> Answer {
        let head = format!("{request} HTTP/1.1\r\nHost: rival\r\nConnection: keep-alive\r\n{more}\r\n");
        self.stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
        self.answer().unwrap_or_else(|| panic!("{request}: no answer"))
    }

    fn get(&mut self, path: &str) -> Answer {
        self.ask(&format!("GET {path}"), "", b"")
    }

    fn put(&mut self, path: &str, body: &[u8]) -> Answer {
        self.ask(&format!("PUT {path}"), &format!("Content-Length: {}\r\n", body.len()), body)
    }

    /// None when the server hangs up instead.
    fn answer(&mut self) -> Option<Answer> {
        let mut line = String::new();
        self.answers.read_line(&mut line).ok()?;
        let status = line.split(' ').nth(1)?.parse().ok()?;
        let mut length = 0;
        loop {
            line.clear();
            self.answers.read_line(&mut line).ok()?;
            match line.trim_end().split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().ok()?
                }
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.answers.read_exact(&mut body).ok()?;
        Some(Answer { status, body })
    }
}

/// Nothing is left of it but, where nobody waits for orphans, its number.
fn is_gone(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.0)).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, fields)| fields.starts_with('Z'))
}

fn serves_and_takes_files(rival: Rival) {
    let scene = Scene::new();
    let Some(running) = scene.start(rival) else { return };
    let mut client = Client::new(running.server.address);
    for _ in 0..3 {
        let whole = client.get("/deep/file");
        assert!(whole.status == 200 && whole.body == scene.content, "{}", whole.status);
    }
    let part = client.ask("GET /deep/file", "Range: bytes=1000-65999\r\n", b"");
    assert!(part.status == 206 && part.body == scene.content[1000..66_000], "{}", part.status);
    assert_eq!(client.get("/deep/absent").status, 404);

    let upload: Vec<u8> = scene.content.iter().rev().copied().collect();
    let put = client.put("/deep/upload", &upload);
    assert!([200, 201].contains(&put.status), "{}", put.status);
    let stored = scene.folder.path().join("root/deep/upload");
    assert!(fs::read(&stored).unwrap() == upload);
    assert!(client.get("/deep/upload").body == upload);
    assert_eq!(client.ask("DELETE /deep/upload", "", b"").status, 204);
    assert!(!stored.exists());
    assert_eq!(client.get("/deep/file").status, 200, "the connection is kept");
}

fn is_measured_as_a_whole_and_ends(rival: Rival) {
    let scene = Scene::new();
    let Some(running) = scene.start(rival) else { return };
    let (pid, address) = (running.server.pid(), running.server.address);
    let (spent, switches) = (cpu_time(pid).unwrap(), context_switches(pid).unwrap());
    let deadline = Instant::now() + PATIENCE;
    let mut client = Client::new(address);
    while cpu_time(pid).unwrap() - spent < Duration::from_millis(30) {
        assert!(Instant::now() < deadline, "its CPU time does not rise");
        assert_eq!(client.get("/deep/file").status, 200);
    }
    assert!(context_switches(pid).unwrap() > switches);
    assert!((1 << 20..1 << 30).contains(&resident_bytes(pid).unwrap()));

    let members = tree::members(pid).unwrap();
    let forks = matches!(rival, Rival::Nginx | Rival::NginxProxy);
    assert_eq!(members.len(), if forks { 2 } else { 1 }, "{members:?}");
    drop(running);
    assert!(TcpStream::connect(address).is_err(), "somebody still listens");
    while !members.iter().copied().all(is_gone) {
        assert!(Instant::now() < deadline, "{members:?}");
        std::thread::yield_now();
    }
    assert_eq!(fs::read_dir(scene.folder.path()).unwrap().count(), 1, "its folder is left");
}

macro_rules! rivals {
    ($($name:ident: $rival:expr),* $(,)?) => {
        $(mod $name {
            use super::Rival;

            #[test]
            fn serves_and_takes_files() {
                super::serves_and_takes_files($rival);
            }

            #[test]
            fn is_measured_as_a_whole_and_ends() {
                super::is_measured_as_a_whole_and_ends($rival);
            }
        })*
    };
}

rivals! {
    spindle: Rival::Spindle,
    nginx: Rival::Nginx,
    lighttpd: Rival::Lighttpd,
    perlbal: Rival::Perlbal,
    spindle_proxy: Rival::SpindleProxy,
    haproxy: Rival::HaproxyProxy,
    nginx_proxy: Rival::NginxProxy,
    perlbal_proxy: Rival::PerlbalProxy,
}

#[test]
fn a_proxy_has_its_figures_for_itself() {
    let scene = Scene::new();
    for rival in Rival::ALL.into_iter().filter(|rival| rival.job() == Job::Proxy) {
        let Some(running) = scene.start(rival) else { continue };
        let behind = running.behind.as_ref().unwrap();
        let mut own = tree::members(running.server.pid()).unwrap();
        own.retain(|member| tree::members(behind.server.pid()).unwrap().contains(member));
        assert_eq!(own, []);
        assert_eq!(Client::new(behind.server.address).get("/deep/file").status, 200);
    }
}

#[test]
fn a_root_that_no_configuration_takes_is_refused() {
    let Ok(found) = Rival::Nginx.find(&whoever_is_here()) else {
        eprintln!("NOT TESTED: no nginx here");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("my files;");
    fs::create_dir(&odd).unwrap();
    let error = found.start(&odd, folder.path(), Cpus { load: 0, server: 0, behind: 0 }).unwrap_err();
    assert!(matches!(error, FilesError::Template(_)) && error.to_string().contains("my files;"), "{error}");
    let absent =
        found.start(Path::new("/no/such/root"), folder.path(), Cpus { load: 0, server: 0, behind: 0 }).unwrap_err();
    assert!(matches!(absent, FilesError::System(_)), "{absent}");
}

/// A smoke run of everybody who is here; none where nothing can be measured.
fn report_of(folder: Option<PathBuf>, rows: &[FileRow]) -> Option<String> {
    let options = Options { folder, rows: rows.to_vec(), ..whoever_is_here() };
    match files::run(&options.quick()) {
        Ok(report) => Some(report.to_string()),
        Err(error @ (PeersError::Nobody | PeersError::TooFewCpus { .. })) => {
            eprintln!("NOT TESTED: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn has_everybody_in(report: &str, row: FileRow) {
    for rival in Rival::ALL {
        let measured = report.contains(&format!("| {row} | {} | ", rival.name()));
        let left_out = report.contains(&format!("Measured without {}: ", rival.name()));
        assert!(measured != left_out, "{}:\n{report}", rival.name());
    }
}

/// Folders of a run of this process.
fn left_in(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).into_iter().flatten();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap_or_default());
    let own = format!("spindle-peers-{}-", std::process::id());
    names.filter(|name| name.starts_with(&own)).collect()
}

#[test]
fn everybody_who_is_here_is_in_the_table() {
    let (get, put) = (FileRow::Get { bytes: 4096 }, FileRow::Put { bytes: 4096 });
    let Some(report) = report_of(None, &[get, put]) else { return };
    has_everybody_in(&report, get);
    has_everybody_in(&report, put);
    let (temporary, memory) = (std::env::temp_dir(), Path::new("/dev/shm"));
    let apart = "and those that are uploaded in /dev/shm (tmpfs).";
    let together = [" There was no tmpfs for uploads: ", " (tmpfs)."];
    assert!(report.contains(apart) || together.iter().any(|told| report.contains(told)), "{report}");
    assert!(report.contains(&format!(" were in {} (", temporary.display())), "{report}");
    assert_eq!((left_in(&temporary), left_in(memory)), (vec![], vec![]), "something is left");
}

#[test]
fn a_folder_that_is_named_has_the_uploads_too() {
    let folder = tempfile::tempdir().unwrap();
    let put = FileRow::Put { bytes: 4096 };
    let Some(report) = report_of(Some(folder.path().into()), &[put]) else { return };
    has_everybody_in(&report, put);
    assert!(report.contains(&format!("\nAll files were in {} (", folder.path().display())), "{report}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "something is left");
}
