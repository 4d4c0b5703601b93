//! What earlier runs have left on servers of HTTP: objects that nothing has changed need not be put there again.

use std::collections::HashMap;
use std::net::SocketAddr;

use crate::load::http::{Filling, HttpPlan, Method, ObjectsPlan};
use crate::load::{ClassPlan, KeyPlan, Plan, WorkPlan};
use crate::sizes::Sizes;

/// By the folder that the objects lie in. Nobody else may change them between the runs.
#[derive(Debug, Default)]
pub struct Remains(HashMap<Folder, Left>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Folder {
    server: SocketAddr,
    /// One address can be several servers.
    authority: String,
    path: String,
}

#[derive(Clone, Debug, PartialEq)]
enum Left {
    Objects {
        count: u64,
        sizes: Sizes,
        seed: u64,
    },
    /// A load has put or deleted some, or may have.
    Changed,
}

/// A class that minds what lies in a folder: one that only posts does not.
struct Tenant<'a> {
    folder: Folder,
    keys: &'a KeyPlan,
    http: &'a HttpPlan,
    seed: u64,
}

impl Remains {
    /// Spares the plan what is there already, and has it put what is not. Until [`Remains::keep`] says otherwise, the run
    /// has changed all of it: it may break off.
    pub(super) fn prepare(&mut self, plan: &mut Plan) {
        for class in &mut plan.classes {
            let Some(tenant) = Tenant::of(class) else { continue };
            let (filling, folder) = (self.filling(&tenant), tenant.folder);
            self.0.insert(folder, Left::Changed);
            if let WorkPlan::Http(http) = &mut class.work {
                http.filling = filling;
            }
        }
    }

    /// A run has ended that has been prepared.
    pub(super) fn keep(&mut self, plan: &Plan) {
        for tenant in plan.classes.iter().filter_map(Tenant::of).filter(|tenant| !tenant.changes()) {
            let KeyPlan { count, ref sizes, .. } = *tenant.keys;
            let seed = tenant.http.filling.seed(tenant.seed);
            self.0.insert(tenant.folder, Left::Objects { count, sizes: sizes.clone(), seed });
        }
    }

    fn filling(&self, tenant: &Tenant<'_>) -> Filling {
        match self.0.get(&tenant.folder) {
            _ if !tenant.reads() => tenant.http.filling,
            None => tenant.http.filling,
            Some(Left::Objects { count, sizes, seed })
                if *count == tenant.keys.count && *sizes == tenant.keys.sizes =>
            {
                Filling::Present { seed: *seed }
            }
            Some(_) => Filling::Put,
        }
    }
}

impl Tenant<'_> {
    fn of(class: &ClassPlan) -> Option<Tenant<'_>> {
        let WorkPlan::Http(http) = &class.work else { return None };
        let ObjectsPlan::Keys(keys) = &http.objects else { return None };
        let path = http.url.path.trim_end_matches('/').to_owned();
        let folder = Folder { server: class.server, authority: http.url.authority.clone(), path };
        let tenant = Tenant { folder, keys, http, seed: class.seed };
        (tenant.reads() || tenant.changes()).then_some(tenant)
    }

    /// Whether it asks for what is there.
    fn reads(&self) -> bool {
        [Method::Get, Method::Head, Method::Delete].iter().any(|method| self.http.mix.has(*method))
    }

    fn changes(&self) -> bool {
        self.http.mix.has(Method::Put) || self.http.mix.has(Method::Delete)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::offer::tests::{http, plan};

    const THERE: Filling = Filling::Present { seed: 1 };

    /// What each of some runs puts there: classes as their folder, their mix and their seed.
    fn fillings(remains: &mut Remains, runs: &[(&str, &str, u64)]) -> Vec<Filling> {
        let filling = |&(url, mix, seed): &(&str, &str, u64)| {
            let mut plan = plan(vec![http(url, mix, seed)]);
            remains.prepare(&mut plan);
            remains.keep(&plan);
            let WorkPlan::Http(http) = &plan.classes[0].work else { unreachable!("it is the work of HTTP") };
            http.filling
        };
        runs.iter().map(filling).collect()
    }

    #[test]
    fn what_is_only_read_is_put_once_whatever_is_drawn() {
        let read = ("http://box/a", "get=9,head=1", 1);
        let again = ("http://box/a/", "get", 2);
        assert_eq!(fillings(&mut Remains::default(), &[read, again, again]), [Filling::Put, THERE, THERE]);
    }

    #[test]
    fn what_a_load_changes_is_put_anew() {
        let (read, changed) = (("http://box/a", "get", 1), ("http://box/a", "get,put", 1));
        for mix in ["get,put", "put", "get,delete", "delete"] {
            let changed = ("http://box/a", mix, 2);
            assert_eq!(fillings(&mut Remains::default(), &[read, changed, read])[2], Filling::Put, "{mix}");
        }
        assert_eq!(fillings(&mut Remains::default(), &[changed, changed]), [Filling::Put, Filling::Put]);
        let posted = ("http://box/a", "post", 5);
        assert_eq!(fillings(&mut Remains::default(), &[read, posted, read])[2], THERE);
    }

    #[test]
    fn a_folder_is_one_of_its_server() {
        let (one, other) = (("http://box/a", "get", 1), ("http://box/b", "get", 1));
        let host = ("http://bin/a", "get", 1);
        assert_eq!(
            fillings(&mut Remains::default(), &[one, other, host, one]),
            [Filling::Put, Filling::Put, Filling::Put, THERE]
        );
    }

    #[test]
    fn objects_of_other_sizes_take_their_place() {
        let mut remains = Remains::default();
        let small = ("http://box/a", "get", 1);
        fillings(&mut remains, &[small]);
        let mut large = plan(vec![http("http://box/a", "get", 1)]);
        let WorkPlan::Http(of_class) = &mut large.classes[0].work else { unreachable!("it is the work of HTTP") };
        let ObjectsPlan::Keys(keys) = &mut of_class.objects else { unreachable!("they are its keys") };
        keys.sizes = Sizes::Fixed(99);
        remains.prepare(&mut large);
        remains.keep(&large);
        let WorkPlan::Http(of_class) = &large.classes[0].work else { unreachable!("it is the work of HTTP") };
        assert_eq!(of_class.filling, Filling::Put);
        assert_eq!(fillings(&mut remains, &[small, small]), [Filling::Put, THERE]);
    }

    #[test]
    fn a_run_that_breaks_off_leaves_nothing_to_rely_on() {
        let mut remains = Remains::default();
        let mut broken = plan(vec![http("http://box/a", "get", 1)]);
        remains.prepare(&mut broken);
        assert_eq!(fillings(&mut remains, &[("http://box/a", "get", 1)]), [Filling::Put]);
    }

    #[test]
    fn what_others_have_put_there_is_believed_until_it_is_changed() {
        let mut remains = Remains::default();
        let mut filled = plan(vec![http("http://box/a", "get,put", 7)]);
        let WorkPlan::Http(of_class) = &mut filled.classes[0].work else { unreachable!("it is the work of HTTP") };
        of_class.filling = Filling::Present { seed: 7 };
        let planned = filled.clone();
        let mut seen = Vec::new();
        for _ in 0..2 {
            filled = planned.clone();
            remains.prepare(&mut filled);
            remains.keep(&filled);
            let WorkPlan::Http(of_class) = &filled.classes[0].work else { unreachable!("it is the work of HTTP") };
            seen.push(of_class.filling);
        }
        assert_eq!(seen, [Filling::Present { seed: 7 }, Filling::Put]);
    }
}
