//! The arrows between the crates. net, disk and slab never import each other: they meet in the appliance.

use std::path::Path;

use toml::{Table, Value};

use crate::rules::Complaint;

/// Who may import whom, inside the repository. A package that is not named here (fuzz targets) may import all of them,
/// and none may import it.
const ARROWS: &[(&str, &[&str])] = &[
    (
        "spindle-appliance",
        &["spindle-core", "spindle-disk", "spindle-net", "spindle-perf", "spindle-slab", "spindle-tuning"],
    ),
    ("spindle-net", &["spindle-core"]),
    ("spindle-disk", &["spindle-core"]),
    ("spindle-perf", &["spindle-core", "spindle-net"]),
    ("spindle-core", &[]),
    ("spindle-slab", &[]),
    ("spindle-tuning", &[]),
    ("spindle-ceiling", &[]),
    ("spindle-glommio-peer", &["spindle-ceiling"]),
];

/// Every arrow of one manifest that is not in the table, whichever kind of dependency it is.
pub(crate) fn check(path: &Path, text: &str) -> Vec<Complaint> {
    let manifest: Table = text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let Some(package) = manifest.get("package").and_then(|package| package.get("name")).and_then(Value::as_str) else {
        return Vec::new();
    };
    let known = ARROWS.iter().find(|(name, _)| *name == package).map(|(_, allowed)| *allowed);
    let mut complaints = Vec::new();
    for import in imports(&manifest) {
        let allowed = match known {
            Some(allowed) => allowed.contains(&import.as_str()),
            None => ARROWS.iter().any(|(name, _)| *name == import),
        };
        if !allowed {
            complaints.push(Complaint::new(path, 1, format!("a new arrow: {package} -> {import}")));
        }
    }
    complaints
}

/// The packages of the repository that a manifest names, renamed ones by their true name.
fn imports(table: &Table) -> Vec<String> {
    let mut found = Vec::new();
    for (key, value) in table {
        let Some(inner) = value.as_table() else { continue };
        if key.ends_with("dependencies") {
            for (name, details) in inner {
                let name = details.get("package").and_then(Value::as_str).unwrap_or(name);
                if name.starts_with("spindle-") {
                    found.push(name.to_owned());
                }
            }
        } else {
            // [target.'cfg(...)'.dependencies]
            found.extend(imports(inner));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::check;

    fn complaints(text: &str) -> Vec<String> {
        check("x/Cargo.toml".as_ref(), text).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_arrow_of_the_table_is_fine() {
        let text = "[package]\nname = \"spindle-net\"\n[dependencies]\nspindle-core.workspace = true\nlibc = \"1\"\n";
        assert!(complaints(text).is_empty());
    }

    #[test]
    fn a_new_arrow_is_seen_in_every_kind_of_dependency() {
        for table in ["dependencies", "dev-dependencies", "build-dependencies", "target.'cfg(unix)'.dependencies"] {
            let text =
                format!("[package]\nname = \"spindle-net\"\n[{table}]\nspindle-slab = {{ path = \"../slab\" }}\n");
            assert_eq!(complaints(&text), ["x/Cargo.toml:1: a new arrow: spindle-net -> spindle-slab"], "{table}");
        }
    }

    #[test]
    fn a_renamed_import_is_seen() {
        let text = "[package]\nname = \"spindle-slab\"\n[dependencies]\nengine = { package = \"spindle-core\" }\n";
        assert_eq!(complaints(text).len(), 1);
    }

    #[test]
    fn a_package_without_rules_imports_the_house_and_is_imported_by_none() {
        let text = "[package]\nname = \"spindle-fuzz\"\n[dependencies]\nspindle-net = { path = \"x\" }\n";
        assert!(complaints(text).is_empty());
        let text = "[package]\nname = \"spindle-core\"\n[dependencies]\nspindle-fuzz = { path = \"x\" }\n";
        assert_eq!(complaints(text).len(), 1);
        let text = "[package]\nname = \"spindle-new\"\n[dependencies]\nspindle-fuzz = { path = \"x\" }\n";
        assert_eq!(complaints(text).len(), 1);
    }
}
