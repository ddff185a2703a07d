//! All that is on show, in one answer.

use std::{convert::Infallible, mem, sync::Arc, time::Instant};

use axum::{
    body::Body,
    http::header,
    response::{IntoResponse, Response},
};
use futures::stream;
use tokio::sync::OwnedSemaphorePermit;

use super::stage::Stage;

/// What is handed over at once: the whole of a large fleet is never in memory twice.
const PIECE: usize = 64 * 1024;

pub(super) fn fleet(stage: &Stage, seat: OwnedSemaphorePermit) -> Response {
    let (opening, rows) = stage.read(|view, fleet| {
        let changes: Vec<_> = view.changes().collect();
        let changes = serde_json::to_string(&changes).unwrap_or_default();
        let head = serde_json::to_string(view.head()).unwrap_or_default();
        let read = fleet.last_sync_age(Instant::now());
        let read = read.map_or_else(|| "null".to_owned(), |age| age.to_string());
        let opening = format!(
            "{{\"id\":\"{}\",\"revision\":{},\"head\":{head},\"read\":{read},\"changes\":{changes},\"nodes\":[",
            stage.id(view.revision()),
            view.revision(),
        );
        (opening, view.rows().map(Arc::clone).collect::<Vec<_>>())
    });
    let pieces = pieces(opening, rows).map(move |piece| {
        // Held until the last piece is gone, or nobody takes one any more.
        let _seat = &seat;
        Ok::<_, Infallible>(piece)
    });
    let pieces = stream::iter(pieces);
    ([(header::CONTENT_TYPE, "application/json")], Body::from_stream(pieces)).into_response()
}

/// The opening and the rows of a list, in pieces, and the end of both.
fn pieces(opening: String, rows: Vec<Arc<str>>) -> impl Iterator<Item = String> {
    let mut rows = rows.into_iter();
    let mut piece = opening;
    let mut first = true;
    let mut ended = false;
    std::iter::from_fn(move || {
        if ended {
            return None;
        }
        while piece.len() < PIECE {
            let Some(row) = rows.next() else {
                ended = true;
                piece.push_str("]}");
                break;
            };
            if !mem::take(&mut first) {
                piece.push(',');
            }
            piece.push_str(&row);
        }
        Some(mem::take(&mut piece))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_one_list_however_long_and_none_is_long() {
        for count in [0, 1, 2, 5000] {
            let row = format!("{{\"name\":\"{}\"}}", "x".repeat(100));
            let rows = vec![Arc::<str>::from(row.as_str()); count];
            let pieces: Vec<_> = pieces("{\"nodes\":[".to_owned(), rows).collect();
            assert!(pieces.iter().all(|piece| piece.len() <= PIECE + row.len() + 3));
            let all: serde_json::Value = serde_json::from_str(&pieces.concat()).unwrap();
            assert_eq!(all["nodes"].as_array().unwrap().len(), count);
        }
    }
}
