//! The operations of a class, each by itself.

use serde::{Deserialize, Serialize};

use super::Percentiles;
use crate::measured::{ClassMeasured, OperationMeasured};

/// One operation of a mix of several. Its times are those that the class has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// As `--mix` and `--method` spell it.
    pub operation: String,
    pub requests: u64,
    pub response_ns: Percentiles,
    pub service_ns: Percentiles,
    pub lag_ns: Percentiles,
    pub lag_server_ns: Percentiles,
    pub lag_generator_ns: Percentiles,
}

impl Operation {
    /// None of a class that asks for one thing only: it would be the class again.
    pub(super) fn all_of(class: &ClassMeasured) -> Vec<Operation> {
        if class.operations.len() < 2 { Vec::new() } else { class.operations.iter().map(Operation::of).collect() }
    }

    fn of(measured: &OperationMeasured) -> Operation {
        Operation {
            operation: measured.operation.name().into(),
            requests: measured.requests,
            response_ns: Percentiles::of(&measured.response_ns),
            service_ns: Percentiles::of(&measured.service_ns),
            lag_ns: Percentiles::of(&measured.lag_ns),
            lag_server_ns: Percentiles::of(&measured.lag_server_ns),
            lag_generator_ns: Percentiles::of(&measured.lag_generator_ns),
        }
    }

    /// Whether something was asked that there is a time of.
    pub fn has_times(&self) -> bool {
        self.response_ns.count > 0
    }
}
