//! All that the page shows, and what differs from what it showed before.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Write,
    sync::Arc,
};

use serde::Serialize;

use super::{Change, Head, KEPT, NodeRow};
use crate::cluster::{Index, Name, Node, Object};

/// All that the page shows.
///
/// # Guarantees
/// Whoever takes the whole of it in one revision, and then every [`Update`], has what others have who take the whole of
/// it later.
#[derive(Debug, Default)]
pub struct View {
    revision: u64,
    head: Head,
    /// A row for each Node, as JSON.
    nodes: BTreeMap<Name, Arc<str>>,
    changes: VecDeque<Change>,
}

/// What differs from the revision before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// The revision that this leads to.
    pub revision: u64,
    /// A JSON object of what differs.
    pub text: String,
}

impl View {
    /// Counts the changes.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// How the operator stands.
    #[must_use]
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// The rows, each a JSON object.
    pub fn rows(&self) -> impl Iterator<Item = &Arc<str>> {
        self.nodes.values()
    }

    /// The last changes, the newest last.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter()
    }

    /// Takes in how the operator stands.
    pub fn take_head(&mut self, head: Head) -> Option<Update> {
        if head == self.head {
            return None;
        }
        self.head = head;
        let head = json(&self.head);
        Some(self.update(|text| write!(text, ",\"head\":{head}")))
    }

    /// Takes in what changed.
    pub fn take_changes(&mut self, changes: Vec<Change>) -> Option<Update> {
        if changes.is_empty() {
            return None;
        }
        let told = json(&changes);
        self.changes.extend(changes);
        self.changes.drain(..self.changes.len().saturating_sub(KEPT));
        Some(self.update(|text| write!(text, ",\"changes\":{told}")))
    }

    /// Looks at what has these names. What is left as it was is no difference.
    pub fn look<'a>(
        &mut self,
        names: impl IntoIterator<Item = &'a Name>,
        nodes: &Index<Node>,
        objects: &Index<Object>,
    ) -> Option<Update> {
        let (mut rows, mut gone) = (Vec::new(), Vec::new());
        for name in names {
            match NodeRow::new(name, nodes.get(name), objects.get(name)) {
                Some(row) => {
                    let row = Arc::<str>::from(json(&row));
                    if self.nodes.get(name) != Some(&row) {
                        rows.push(Arc::clone(&row));
                        self.nodes.insert(Name::clone(name), row);
                    }
                }
                None => gone.extend(self.nodes.remove(name).map(|_| name)),
            }
        }
        if rows.is_empty() && gone.is_empty() {
            return None;
        }
        let gone = json(&gone);
        Some(self.update(|text| write!(text, ",\"nodes\":[{}],\"gone\":{gone}", rows.join(","))))
    }

    /// Forgets all Nodes: of them only the operator that acts knows. What was shown has to be loaded anew.
    pub fn forget(&mut self) {
        self.nodes = BTreeMap::new();
        self.revision += 1;
    }

    fn update(&mut self, more: impl FnOnce(&mut String) -> std::fmt::Result) -> Update {
        self.revision += 1;
        let mut text = format!("{{\"revision\":{}", self.revision);
        // Text takes everything.
        let _ = more(&mut text);
        text.push('}');
        Update { revision: self.revision, text }
    }
}

/// What is plain data always has a text.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use multinic_crds::Reason;
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        cluster::{Event, WatchedNode},
        fixtures::{nodes, object},
        transition::Transition,
        view::{Table, changes},
    };

    fn read(update: Option<Update>) -> Value {
        serde_json::from_str(&update.unwrap().text).unwrap()
    }

    fn rows(view: &View) -> BTreeMap<String, Value> {
        let row = |text: &Arc<str>| serde_json::from_str::<Value>(text).unwrap();
        view.rows().map(row).map(|row| (row["name"].as_str().unwrap().to_owned(), row)).collect()
    }

    #[test]
    fn only_the_rows_that_differ_are_sent_and_nothing_where_nothing_does() {
        let (mut nodes, mut objects) = (nodes(&["a", "b"]), Index::<Object>::default());
        let mut view = View::default();
        let first = read(view.look(&nodes.take_changed(), &nodes, &objects));
        assert_eq!(first, json!({ "revision": 1, "nodes": [{ "name": "a" }, { "name": "b" }], "gone": [] }));

        objects.record(object("b", 1, &[(1, 0)], Value::Null));
        let second = read(view.look(&objects.take_changed(), &nodes, &objects));
        assert_eq!(second["nodes"].as_array().unwrap().len(), 1);
        assert_eq!(second["nodes"][0], rows(&view)["b"]);

        assert_eq!(view.look(&["a".into(), "b".into()], &nodes, &objects), None);
        assert_eq!(view.revision(), 2);
    }

    #[test]
    fn a_node_is_gone_once_its_object_is_too() {
        let (mut nodes, mut objects) = (nodes(&["a"]), Index::<Object>::default());
        objects.record(object("a", 1, &[], Value::Null));
        let mut view = View::default();
        let _ = view.look(&nodes.take_changed(), &nodes, &objects);

        let node = json!({ "metadata": { "name": "a" } });
        assert!(nodes.handle(Event::Delete(serde_json::from_value::<WatchedNode>(node).unwrap())));
        let orphan = read(view.look(&nodes.take_changed(), &nodes, &objects));
        assert_eq!(orphan["nodes"][0]["doubt"], Reason::NodeGone as u8);

        assert!(objects.handle(Event::Delete(object("a", 2, &[], Value::Null))));
        let _ = objects.take_changed();
        let gone = read(view.look(&["a".into()], &nodes, &objects));
        assert_eq!((&gone["nodes"], &gone["gone"]), (&json!([]), &json!(["a"])));
    }

    #[test]
    fn one_nic_that_changes_costs_its_row_and_not_the_list() {
        let names: Vec<String> = (0..500).map(|number| format!("node-{number:03}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut nodes = nodes(&names);
        let mut objects = Index::<Object>::default();
        for name in &names {
            objects.record(object(name, 1, &[(1, 0), (2, 1)], Value::Null));
        }
        let mut view = View::default();
        let whole = view.look(&nodes.take_changed(), &nodes, &objects).unwrap().text.len();
        let _ = objects.take_changed();
        objects.record(object("node-007", 2, &[(1, 0), (3, 1)], Value::Null));
        let update = view.look(&objects.take_changed(), &nodes, &objects).unwrap();
        assert!(update.text.len() * 100 < whole, "{} of {whole}", update.text.len());
    }

    #[test]
    fn the_head_is_sent_whole_where_it_differs() {
        let mut view = View::default();
        let head = Head { acts: true, table: Table { rows: 3, ..Table::default() }, ..Head::default() };
        let update = read(view.take_head(head.clone()));
        assert_eq!((&update["head"]["acts"], &update["head"]["table"]["rows"]), (&json!(true), &json!(3)));
        assert_eq!(view.take_head(head), None);
    }

    #[test]
    fn the_last_changes_are_kept_and_no_more() {
        let mut view = View::default();
        assert_eq!(view.take_changes(Vec::new()), None);
        for at in 0..600 {
            let told = read(view.take_changes(changes(&[Transition::WritesWork], at)));
            assert_eq!(told["changes"][0]["at"], at);
        }
        let kept: Vec<_> =
            view.changes().map(|change| serde_json::to_value(change).unwrap()["at"].clone()).collect();
        assert_eq!((kept.len(), &kept[0], &kept[KEPT - 1]), (KEPT, &json!(100), &json!(599)));
    }
}
