//! What a request is, as a mix spells it.

/// One name for what all protocols have in common: a class speaks one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Get,
    Set,
    /// One request for several keys, and so one time.
    Multiget,
    Delete,
    Touch,
    Incr,
    Cas,
    /// No part of a mix: it brings back a counter that was not there.
    Add,
    Head,
    Put,
    Post,
}

impl Operation {
    pub(super) const COUNT: usize = Operation::Post as usize + 1;

    /// As `--mix` and `--method` spell it.
    pub fn name(self) -> &'static str {
        match self {
            Operation::Get => "get",
            Operation::Set => "set",
            Operation::Multiget => "multiget",
            Operation::Delete => "delete",
            Operation::Touch => "touch",
            Operation::Incr => "incr",
            Operation::Cas => "cas",
            Operation::Add => "add",
            Operation::Head => "head",
            Operation::Put => "put",
            Operation::Post => "post",
        }
    }
}
