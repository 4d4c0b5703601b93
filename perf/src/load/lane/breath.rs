//! How long to wait between a connection and the next: a server that ends each at once is not to be stormed.

const BREATH_NS_MIN: u64 = 10_000_000;
const BREATH_NS_MAX: u64 = 1_000_000_000;

/// What a connection was worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worth {
    /// It answered, and ended as it may.
    Much,
    /// It answered before something was wrong, or was there for a while and never asked.
    Little,
    /// It ended at once.
    Nothing,
}

impl Worth {
    /// Of a connection that gave so many answers, and lasted for `lasted_ns`.
    pub(super) fn of(answers: u64, is_trouble: bool, lasted_ns: u64) -> Worth {
        match answers {
            0 if lasted_ns < BREATH_NS_MAX => Worth::Nothing,
            1.. if !is_trouble => Worth::Much,
            _ => Worth::Little,
        }
    }
}

/// Of the connections that take each other's place on one lane.
#[derive(Debug)]
pub(super) struct Breath {
    next_ns: u64,
}

impl Breath {
    pub(super) fn new() -> Breath {
        Breath { next_ns: BREATH_NS_MIN }
    }

    /// The wait after a connection: twice that before while they are of no use.
    pub(super) fn after(&mut self, worth: Worth) -> u64 {
        if worth != Worth::Nothing {
            self.next_ns = BREATH_NS_MIN;
        }
        match worth {
            Worth::Much => 0,
            Worth::Little => BREATH_NS_MIN,
            Worth::Nothing => {
                let longer_ns = (self.next_ns * 2).min(BREATH_NS_MAX);
                std::mem::replace(&mut self.next_ns, longer_ns)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn what_is_of_no_use_is_waited_for_ever_longer_and_a_second_at_most() {
        let mut breath = Breath::new();
        let waits: Vec<u64> = (0..9).map(|_| breath.after(Worth::Nothing) / MS).collect();
        assert_eq!(waits, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
    }

    #[test]
    fn what_was_of_use_begins_anew() {
        for (worth, wait_ns) in [(Worth::Much, 0), (Worth::Little, 10 * MS)] {
            let mut breath = Breath::new();
            let before: Vec<u64> = (0..3).map(|_| breath.after(Worth::Nothing) / MS).collect();
            assert_eq!(before, [10, 20, 40]);
            assert_eq!(breath.after(worth), wait_ns);
            assert_eq!(breath.after(Worth::Nothing), 10 * MS);
        }
    }

    #[test]
    fn a_connection_is_worth_when_it_answered_or_lasted() {
        assert_eq!(Worth::of(0, false, 999 * MS), Worth::Nothing);
        assert_eq!(Worth::of(0, true, 999 * MS), Worth::Nothing);
        assert_eq!(Worth::of(0, false, 1000 * MS), Worth::Little, "a server's patience with who says nothing");
        assert_eq!(Worth::of(0, true, 1000 * MS), Worth::Little);
        assert_eq!(Worth::of(1, true, 0), Worth::Little);
        assert_eq!(Worth::of(1, false, 0), Worth::Much);
    }
}
