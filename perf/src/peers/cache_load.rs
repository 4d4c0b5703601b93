//! A cache under the load that labs use: paced or not, recorded, and checked as much as it is asked to.

use std::time::Duration;

use super::contender::{Contender, Kind};
use super::rows::VALUE_BYTES;
use super::{Field, PeersError};
use crate::describe::Removal;
use crate::environment::Environment;
use crate::load::{self, CachePlan, ClassPlan, KeyPlan, Mix, OnMiss, Pace, Plan, Protocol, Spin, Verify, WorkPlan};
use crate::measured::Measured;
use crate::popularity::Popularity;
use crate::process::Server;
use crate::sizes::Sizes;

const KEYS: u64 = 100_000;
const PATIENCE: Duration = Duration::from_secs(5);

/// What a cache is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct CacheLoad {
    pub(super) pace: Pace,
    pub(super) connections: usize,
    pub(super) depth: usize,
    pub(super) set_share: f64,
    pub(super) verify: Verify,
}

impl CacheLoad {
    /// # Errors
    /// A server that cannot be reached; one that refuses, or lies.
    pub(super) fn measure(
        &self,
        field: &Field,
        contender: &Contender,
        server: &Server,
        row: &str,
    ) -> Result<Measured, PeersError> {
        let plan = self.plan(field, contender, server);
        let failed = |error| PeersError::Load { contender: contender.name.clone(), error };
        let measured = load::run(&plan, |_, _| {}).map_err(failed)?;
        if measured.errors() + measured.wrong() == 0 {
            return Ok(measured);
        }
        let what = format!("{:?}, {:?}", measured.classes[0].errors, measured.classes[0].wrong);
        Err(PeersError::Wrong { contender: contender.name.clone(), row: row.into(), what })
    }

    fn plan(&self, field: &Field, contender: &Contender, server: &Server) -> Plan {
        let keys = KeyPlan {
            count: KEYS,
            popularity: Popularity::Uniform,
            sizes: Sizes::Fixed(VALUE_BYTES as u64),
            removal: Removal::Never,
        };
        let class = ClassPlan {
            name: "cache".into(),
            server: server.address,
            pace: self.pace,
            connections: self.connections,
            depth: self.depth,
            churn: None,
            verify: match contender.kind {
                // The bytes of its values are nobody's.
                Kind::Mirror => Verify::Off,
                _ => self.verify,
            },
            seed: 1,
            work: WorkPlan::Cache(CachePlan {
                protocol: Protocol::Classic,
                prefix: "k".into(),
                key_sizes: None,
                keys,
                mix: Mix::of_sets(self.set_share),
                ttl: None,
                on_miss: OnMiss::Nothing,
            }),
        };
        Plan {
            cpus: field.cpus.generators(),
            classes: vec![class],
            warm_up: field.measured / 4,
            measured: field.measured,
            patience: PATIENCE,
            spin: Spin::Always,
            watched: Some(server.pid()),
            slow: Vec::new(),
            environment: Environment::look(Vec::new()),
        }
    }
}
