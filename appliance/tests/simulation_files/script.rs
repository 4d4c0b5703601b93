//! What one client asks. It has names of its own, on both disks, which nobody else touches; and there are names that all
//! share, of which it knows only that what they hold is whole.

use spindle_core::simulator::Random;

use crate::model::Label;

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) what: What,
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Get,
    /// The first eight bytes, which every content has.
    GetPart,
    Head,
    Put(Label),
    /// With a digest that is another's.
    PutWrong,
    /// Its body ends before it should, and the client with it.
    PutCut,
    Delete,
}

/// How far apart the disks are: names on `dev2` never hang.
pub(crate) fn hangs(name: &str) -> bool {
    name.starts_with("dev1/")
}

pub(crate) struct Script {
    pub(crate) asked: Vec<Asked>,
}

impl Script {
    pub(crate) fn random(client: usize, random: &mut Random) -> Script {
        let count = random.between(1, 16);
        let mut asked: Vec<Asked> = (0..count).map(|_| step(client, random)).collect();
        if random.chance(15) {
            let (name, label) = (name(client, random), Label::random(random));
            let mut bytes = put(&name, label, random);
            bytes.truncate(bytes.len() - random.between(1, bytes.len() / 2));
            asked.push(Asked { what: What::PutCut, name, bytes });
        }
        Script { asked }
    }
}

fn name(client: usize, random: &mut Random) -> String {
    let disk = random.between(1, 2);
    match random.below(8) {
        0 => format!("dev1/shared/{}", random.below(3)),
        1 => "dev9/not/there".to_owned(),
        2 => format!("dev{disk}/deep/er/{client}/{}", random.below(2)),
        _ => format!("dev{disk}/{client}/{}", random.below(3)),
    }
}

fn step(client: usize, random: &mut Random) -> Asked {
    let name = name(client, random);
    let plain =
        |method: &str, fields: &str| format!("{method} /{name} HTTP/1.1\r\nHost: here\r\n{fields}\r\n").into_bytes();
    let (what, bytes) = match random.below(12) {
        0..=3 => (What::Get, plain("GET", "")),
        4 => (What::GetPart, plain("GET", "Range: bytes=0-7\r\n")),
        5 => (What::Head, plain("HEAD", "")),
        6 => (What::Delete, plain("DELETE", "")),
        7 => {
            let fields = "Content-MD5: AAAAAAAAAAAAAAAAAAAAAA==\r\nContent-Length: 5\r\n";
            (What::PutWrong, [&plain("PUT", fields)[..], b"wrong"].concat())
        }
        _ => {
            let label = Label::random(random);
            (What::Put(label), put(&name, label, random))
        }
    };
    Asked { what, name, bytes }
}

/// With its length, or in chunks; and some wait to be told to go on, and do not.
fn put(name: &str, label: Label, random: &mut Random) -> Vec<u8> {
    let (content, expects) = (label.content(), random.chance(20));
    let expect = if expects { "Expect: 100-continue\r\n" } else { "" };
    let head = format!("PUT /{name} HTTP/1.1\r\nHost: here\r\n{expect}");
    let mut bytes = head.into_bytes();
    if random.chance(70) {
        bytes.extend(format!("Content-Length: {}\r\n\r\n", content.len()).bytes());
        bytes.extend(content);
        return bytes;
    }
    bytes.extend(b"Transfer-Encoding: chunked\r\n\r\n");
    let mut left = &content[..];
    while !left.is_empty() {
        let most = [20, 3000, 200_000][random.below(3)];
        // A large body is of some fifty chunks at most.
        let length = left.len().min(random.between(1, most).max(left.len() / 50));
        bytes.extend(format!("{length:x};x\r\n").bytes());
        bytes.extend(&left[..length]);
        bytes.extend(b"\r\n");
        left = &left[length..];
    }
    bytes.extend(b"0\r\nTrailer: x\r\n\r\n");
    bytes
}
