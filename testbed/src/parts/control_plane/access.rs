//! What multinic installs in a cluster: its kind, its two `ServiceAccounts` and the rules the chart ships for them.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, Node, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, RoleRef, Subject};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::sandbox::eventually::{SOON, eventually};

/// The namespace of both `ServiceAccounts`.
pub const NAMESPACE: &str = "multinic-system";
pub(super) const AGENT: &str = "multinic-agent";
pub(super) const OPERATOR: &str = "multinic-operator";

const CRD: &str = "nodenetworkconfigs.multinic.io";
const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/multinic");

pub(super) async fn install(client: &Client) -> Result<()> {
    let crd: CustomResourceDefinition = from_chart("files/nodenetworkconfigs.yaml")?;
    let crds = Api::all(client.clone());
    create(&crds, crd).await?;

    let namespace = Namespace { metadata: named(NAMESPACE), ..Namespace::default() };
    create(&Api::all(client.clone()), namespace).await?;
    for (account, rules) in [(AGENT, "files/agent-rules.yaml"), (OPERATOR, "files/operator-rules.yaml")] {
        allow(client, account, from_chart(rules)?).await?;
    }
    eventually("the CRD to be served", SOON, async || {
        let crd = crds.get(CRD).await?;
        let conditions = crd.status.and_then(|status| status.conditions).unwrap_or_default();
        ensure!(
            conditions.iter().any(|condition| condition.type_ == "Established" && condition.status == "True"),
            "not established: {conditions:?}"
        );
        Ok(())
    })
    .await
}

/// A token for a `ServiceAccount`, bound to a Node where one is given.
pub(super) async fn token(client: &Client, account: &str, node: Option<&Node>) -> Result<String> {
    let request = TokenRequest {
        spec: TokenRequestSpec {
            bound_object_ref: node.map(|node| BoundObjectReference {
                api_version: Some("v1".to_owned()),
                kind: Some("Node".to_owned()),
                name: node.metadata.name.clone(),
                uid: node.metadata.uid.clone(),
            }),
            ..TokenRequestSpec::default()
        },
        ..TokenRequest::default()
    };
    let accounts = Api::<ServiceAccount>::namespaced(client.clone(), NAMESPACE);
    let answer: TokenRequest = accounts
        .create_subresource("token", account, &PostParams::default(), &request)
        .await
        .with_context(|| format!("cannot get a token for {account}"))?;
    Ok(answer.status.context("the API server answered without a token")?.token)
}

async fn allow(client: &Client, account: &str, rules: Vec<PolicyRule>) -> Result<()> {
    let service_account = ServiceAccount { metadata: named(account), ..ServiceAccount::default() };
    create(&Api::namespaced(client.clone(), NAMESPACE), service_account).await?;
    let role = ClusterRole { metadata: named(account), rules: Some(rules), ..ClusterRole::default() };
    create(&Api::all(client.clone()), role).await?;
    let binding = ClusterRoleBinding {
        metadata: named(account),
        role_ref: RoleRef {
            api_group: "rbac.authorization.k8s.io".to_owned(),
            kind: "ClusterRole".to_owned(),
            name: account.to_owned(),
        },
        subjects: Some(vec![Subject {
            kind: "ServiceAccount".to_owned(),
            name: account.to_owned(),
            namespace: Some(NAMESPACE.to_owned()),
            ..Subject::default()
        }]),
    };
    create(&Api::all(client.clone()), binding).await
}

async fn create<K>(api: &Api<K>, object: K) -> Result<()>
where
    K: kube::Resource + Clone + std::fmt::Debug + Serialize + DeserializeOwned,
{
    let name = object.meta().name.clone().unwrap_or_default();
    api.create(&PostParams::default(), &object).await.with_context(|| format!("cannot create {name}"))?;
    Ok(())
}

fn named(name: &str) -> ObjectMeta {
    ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() }
}

fn from_chart<T: DeserializeOwned>(file: &str) -> Result<T> {
    let path = Path::new(CHART).join(file);
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_saphyr::from_str(&text).with_context(|| format!("cannot decode {}", path.display()))
}
