//! `spindle load http`, from its command line to its exit status.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Output;
use std::sync::{Arc, Mutex};

use crate::kit::server::spindle;

fn load(arguments: &str) -> Output {
    spindle(&format!("load {arguments}")).output().unwrap()
}

fn said(output: &Output) -> String {
    [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].concat()
}

type Files = Arc<Mutex<HashMap<String, Vec<u8>>>>;

/// A server that keeps what is put there, but for a folder, and answers a GET with it.
fn keeping_server() -> (SocketAddr, Files) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (address, files) = (listener.local_addr().unwrap(), Files::default());
    let kept = Arc::clone(&files);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let kept = Arc::clone(&kept);
            std::thread::spawn(move || serve(stream.unwrap(), &kept));
        }
    });
    (address, files)
}

fn serve(stream: TcpStream, files: &Files) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let (mut input, mut output) = (BufReader::new(stream.try_clone().ok()?), stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if input.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let mut words = head.split_whitespace();
        let (method, path) = (words.next()?, words.next()?.to_owned());
        let length = head.split_once("Content-Length: ").map_or("0", |(_, rest)| rest.lines().next().unwrap_or("0"));
        let mut body = vec![0; length.parse().ok()?];
        input.read_exact(&mut body).ok()?;
        let mut files = files.lock().ok()?;
        let answer = match (method, files.get(&path)) {
            ("PUT", _) if path.starts_with("/read-only/") => {
                b"HTTP/1.1 405 Not Allowed\r\nContent-Length: 9\r\n\r\nread only".to_vec()
            }
            ("PUT", _) => {
                files.insert(path, body);
                b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n".to_vec()
            }
            (_, Some(file)) => {
                [format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", file.len()).as_bytes(), file].concat()
            }
            (_, None) => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
        };
        output.write_all(&answer).ok()?;
    }
}

const SHORT: &str = "--rate 500 --seconds 0.4 --warm-up 0 --connections 4 --depth 2 --keys 20 --value 1-5000";

#[test]
fn a_load_uploads_its_objects_and_checks_what_comes_back() {
    let (address, files) = keeping_server();
    let output = load(&format!("http http://{address}/up/ {SHORT} --method get:3,put:1"));
    // A busy machine may make the generator late, and that is said; nothing may be wrong.
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", said(&output));
    assert!(said(&output).contains("0 errors, 0 wrong"), "{}", said(&output));
    assert_eq!(files.lock().unwrap().len(), 20);
    assert!(files.lock().unwrap().contains_key("/up/k00000000019"));
}

#[test]
fn what_was_changed_meanwhile_is_wrong() {
    let (address, files) = keeping_server();
    let arguments = format!("http http://{address} {SHORT} --method get");
    assert!(matches!(load(&arguments).status.code(), Some(0 | 3)));
    files.lock().unwrap().values_mut().for_each(|file| file.truncate(file.len() - 1));
    let output = load(&format!("{arguments} --filled"));
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("length"), "{}", said(&output));
}

#[test]
fn a_load_that_cannot_be_is_refused_before_anything_is_sent() {
    let (address, files) = keeping_server();
    for (arguments, reason) in [
        ("ftp://HERE", "it begins with http://"),
        ("https://HERE", "TLS is not spoken"),
        ("http://HERE/?a", "a query"),
        ("http://HERE --method patch", "none of get, head"),
        ("http://HERE --range-share 2", "from 0 to 1"),
        ("http://HERE --corpus /nowhere/at/all", "--corpus /nowhere/at/all"),
        ("http://HERE --corpus /dev/null --keys 5", "--keys"),
        ("http://HERE --corpus /dev/null --method put", "nobody puts"),
        ("http://nowhere.invalid/", "no such server"),
        ("http://127.0.0.1:1/", "cannot connect"),
    ] {
        let output = load(&format!("http {}", arguments.replace("HERE", &address.to_string())));
        assert_eq!(output.status.code(), Some(2), "{arguments}: {}", said(&output));
        assert!(said(&output).contains(reason), "{arguments}: {}", said(&output));
    }
    assert!(files.lock().unwrap().is_empty());
}

#[test]
fn a_server_without_uploads_is_told_of() {
    let (address, _) = keeping_server();
    let output = load(&format!("http http://{address}/read-only {SHORT}"));
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("405: read only"), "{}", said(&output));
}
