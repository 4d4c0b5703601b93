//! What clients did, one set per core: written by its thread alone, summed by whoever asks.
#![forbid(unsafe_code)]

use spindle_core::counters::Counter;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        #[derive(Debug, Default)]
        pub struct ClientCounters {
            $($(#[$doc])* pub $name: Counter,)*
        }

        /// A sum over cores.
        #[derive(Debug, Default, Clone, Copy)]
        pub struct ClientTotals {
            $(pub $name: u64,)*
        }

        impl ClientTotals {
            pub fn add(&mut self, counters: &ClientCounters) {
                $(self.$name += counters.$name.get();)*
            }

            /// What was counted since `base`.
            #[must_use]
            pub fn since(&self, base: &ClientTotals) -> ClientTotals {
                ClientTotals { $($name: self.$name.saturating_sub(base.$name),)* }
            }
        }
    };
}

counters! {
    cmd_get,
    cmd_set,
    cmd_flush,
    cmd_touch,
    cmd_meta,
    get_hits,
    get_misses,
    delete_misses,
    delete_hits,
    incr_misses,
    incr_hits,
    decr_misses,
    decr_hits,
    cas_misses,
    cas_hits,
    cas_badval,
    touch_hits,
    touch_misses,
    store_too_large,
    store_no_memory,
    bytes_read,
    bytes_written,
    idle_kicks,
    /// Lines that could not be obeyed.
    refused_requests,
    /// Connections ended because they asked for more than a bound allows.
    closed_by_bound,
    /// Times that a get waited a moment for memory that others were being sent.
    gets_delayed,
    /// A connection used up its turn (`-R`).
    conn_yields,
}
