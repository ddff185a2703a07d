//! Lists for people who asked once: page by page, each within a time.

use std::{error::Error, fmt::Debug, time::Duration};

use kube::{Api, Client, Resource, api::ListParams};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::watch::explain;

/// How long any one question may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// Objects in one page of a list.
const PAGE: u32 = 50;

/// What the API server did not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unanswered {
    /// The HTTP status, if it answered at all.
    pub(crate) code: Option<u16>,
    /// The error.
    pub(crate) why: String,
}

/// Page by page, of which only the facts are kept.
pub(crate) async fn list<K, Fact>(
    client: &Client,
    selector: &str,
    fact: impl Fn(K) -> Option<Fact>,
) -> Result<Vec<Fact>, Unanswered>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let api = Api::<K>::all(client.clone());
    let mut params = ListParams::default().labels(selector).limit(PAGE);
    let mut facts = Vec::new();
    loop {
        // Each page has its own time: a cluster of thousands has a hundred of them.
        let page = within(api.list(&params)).await?;
        facts.extend(page.items.into_iter().filter_map(&fact));
        match page.metadata.continue_ {
            Some(token) if !token.is_empty() => params = params.continue_token(&token),
            _ => return Ok(facts),
        }
    }
}

/// The answer, if it comes in time.
pub(crate) async fn within<T>(answer: impl Future<Output = kube::Result<T>>) -> Result<T, Unanswered> {
    match timeout(DEADLINE, answer).await {
        Ok(answer) => answer.map_err(|error| Unanswered { code: code(&error), why: reason(&error) }),
        Err(_) => Err(Unanswered { code: None, why: format!("no answer within {} s", DEADLINE.as_secs()) }),
    }
}

/// The error, and what is at the bottom of it, which its own text leaves out.
fn reason(error: &kube::Error) -> String {
    let text = explain(error);
    let mut root: &dyn Error = error;
    while let Some(source) = root.source() {
        root = source;
    }
    let root = root.to_string();
    if text.contains(&root) || code(error).is_some() { text } else { format!("{text}: {root}") }
}

fn code(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        _ => None,
    }
}
