//! nginx tells the truth.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use spindle_perf::corpus::{Corpus, Durability, write};
use spindle_perf::load::http::{Filling, ObjectsPlan};
use spindle_perf::measured::{ClassMeasured, Errors, Wrong};
use spindle_perf::popularity::Popularity;
use spindle_perf::process::{Orphan, Server, free_address};
use spindle_perf::sizes::Sizes;
use tempfile::TempDir;

use super::{REQUESTS, http, measure, plan};

/// Nothing is kept of a file from one request to the next: what is written is served.
const CONFIGURATION: &str = "
daemon off;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {
        listen {address};
        root {folder}/root;
        location / { dav_methods PUT DELETE; create_full_put_path on; }
        location /posted { return 204; }
        location /behind/ { proxy_pass http://{address}/; }
    }
}";

struct Nginx {
    server: Server,
    folder: TempDir,
}

impl Nginx {
    fn start() -> Option<Nginx> {
        let program = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"].into_iter().map(Path::new);
        let Some(program) = program.into_iter().find(|path| path.exists()) else {
            eprintln!("NOT TESTED: there is no nginx");
            return None;
        };
        let (folder, address) = (tempfile::tempdir().unwrap(), free_address().unwrap());
        let path = folder.path().to_str().unwrap();
        let text = CONFIGURATION.replace("{folder}", path).replace("{address}", &address.to_string());
        fs::create_dir(folder.path().join("root")).unwrap();
        fs::write(folder.path().join("nginx.conf"), text).unwrap();
        let mut command = Command::new(program);
        command.args(["-e", "stderr", "-p", path, "-c"]).arg(folder.path().join("nginx.conf"));
        let cpu = spindle_core::thread::cpus_available()[0];
        let server = Server::start_as(&command, cpu, address, Orphan::Told).unwrap();
        Some(Nginx { server, folder })
    }

    fn address(&self) -> SocketAddr {
        self.server.address
    }
}

fn is_clean(class: &ClassMeasured) {
    assert_eq!((class.requests, class.errors, class.wrong), (REQUESTS, Errors::default(), Wrong::default()));
}

#[test]
fn what_is_put_is_got_and_what_is_deleted_is_gone() {
    let Some(nginx) = Nginx::start() else { return };
    for path in ["http://box/", "http://box/deep/er", "http://box/behind/x"] {
        let mut plan = plan(nginx.address(), "get=5,head=2,put=3,delete=1");
        (http(&mut plan).url, http(&mut plan).range_share) = (path.parse().unwrap(), 0.3);
        plan.classes[0].connections = 3;
        is_clean(&measure(&plan).classes[0]);
    }
    // To a server, and through a proxy to one.
    for url in ["http://box/posted", "http://box/behind/posted"] {
        let mut plan = plan(nginx.address(), "post");
        (http(&mut plan).url, http(&mut plan).filling) = (url.parse().unwrap(), Filling::Present { seed: 7 });
        is_clean(&measure(&plan).classes[0]);
    }
}

#[test]
fn files_of_a_corpus_are_got_in_whole_in_part_and_on_condition() {
    let Some(nginx) = Nginx::start() else { return };
    let root = nginx.folder.path().join("root");
    let sizes = Sizes::Range { low: 1, high: 200_000 };
    let disks = vec![root.join("dev1"), root.join("dev2")];
    disks.iter().for_each(|disk| fs::create_dir(disk).unwrap());
    let corpus = Corpus::new(3, 20, sizes, disks).unwrap();
    write(&corpus, Durability::Process, 2, |_| ()).unwrap();
    let mut plan = plan(nginx.address(), "get=3,head=1");
    let http = http(&mut plan);
    http.url = "http://box".parse().unwrap();
    http.objects = ObjectsPlan::Corpus { corpus: Arc::new(corpus), popularity: Popularity::Zipf(1.0) };
    (http.range_share, http.conditional_share) = (0.3, 0.5);
    is_clean(&measure(&plan).classes[0]);
}
