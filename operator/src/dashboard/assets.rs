//! The files of the page, which are in the binary.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};

/// One file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asset {
    pub(super) path: &'static str,
    kind: &'static str,
    text: &'static str,
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! script {
    ($name:literal) => {
        Asset { path: concat!("/", $name), kind: SCRIPT, text: include_str!(concat!("assets/", $name)) }
    };
}

/// All of them.
pub(super) const ASSETS: &[Asset] = &[
    Asset { path: "/", kind: "text/html; charset=utf-8", text: include_str!("assets/index.html") },
    Asset { path: "/style.css", kind: "text/css; charset=utf-8", text: include_str!("assets/style.css") },
    Asset { path: "/icon.svg", kind: "image/svg+xml", text: include_str!("assets/icon.svg") },
    script!("main.js"),
    script!("ask.js"),
    script!("changes.js"),
    script!("dom.js"),
    script!("fleet.js"),
    script!("list.js"),
    script!("nics.js"),
    script!("node.js"),
    script!("nodes.js"),
    script!("overview.js"),
    script!("reasons.js"),
    script!("route.js"),
    script!("rows.js"),
    script!("search.js"),
    script!("stream.js"),
    script!("words.js"),
];

impl IntoResponse for Asset {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, self.kind)], self.text).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_that_a_file_names_is_there_and_none_is_elsewhere() {
        for asset in ASSETS {
            assert!(
                !asset.text.contains("http://") && !asset.text.contains("https://")
                    || asset.path == "/icon.svg"
            );
            for (_, rest) in
                asset.text.match_indices(" from \"./").map(|(at, word)| (at, &asset.text[at + word.len()..]))
            {
                let name = rest.split('"').next().unwrap();
                assert!(ASSETS.iter().any(|asset| asset.path[1..] == *name), "{} names {name}", asset.path);
            }
        }
    }

    #[test]
    fn the_page_is_small() {
        let bytes: usize = ASSETS.iter().map(|asset| asset.text.len()).sum();
        assert!(bytes < 64 * 1024, "{bytes}");
    }
}
