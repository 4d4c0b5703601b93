//! What there is to be asked for, and under which names.

use std::sync::Arc;

use super::Filling;
use super::request::say;
use crate::corpus::Corpus;
use crate::load::keyspace::{KeyPlan, Keyspace};
use crate::load::split::Slice;
use crate::popularity::Popularity;

/// What lies under a URL.
#[derive(Clone, Debug)]
pub enum ObjectsPlan {
    /// `URL/k00000000000`, `URL/k00000000001` and so on: the load puts them there.
    Keys(KeyPlan),
    /// Files that somebody wrote, and that nobody changes.
    Corpus { corpus: Arc<Corpus>, popularity: Popularity },
}

/// Under which name an object is asked for.
#[derive(Clone, Debug)]
pub(super) enum Names {
    Keys,
    Corpus(Arc<Corpus>),
}

impl ObjectsPlan {
    pub(super) fn names(&self) -> Names {
        match self {
            ObjectsPlan::Keys(_) => Names::Keys,
            ObjectsPlan::Corpus { corpus, .. } => Names::Corpus(Arc::clone(corpus)),
        }
    }

    /// Takes its time with many keys.
    pub(super) fn keyspace(&self, slice: &Slice, filling: Filling) -> Keyspace {
        match self {
            ObjectsPlan::Keys(keys) => Keyspace::new(keys, slice, filling.seed(slice.class.seed)),
            ObjectsPlan::Corpus { corpus, popularity } => Keyspace::of_corpus(corpus, *popularity, slice),
        }
    }
}

impl Names {
    /// Writes the name, which begins with a slash.
    pub(super) fn write(&self, out: &mut Vec<u8>, key: u64) {
        match self {
            Names::Keys => say(out, format_args!("/k{key:011}")),
            Names::Corpus(corpus) => out.extend_from_slice(corpus.url_path(key).as_bytes()),
        }
    }
}
