//! Deep pages: read from remembered places, and always those rows that counting through would give.

use nephele_model::Timestamp;
use nephele_model::event::{NewEvent, Origin};
use nephele_model::execution::ExecutionStatus;
use nephele_model::page::{ListQuery, Sort};
use nephele_store::journal::Run;
use nephele_store::{Store, events};

use crate::house::{BEGINNING, admin, both};

const COUNT: i64 = 4300;

/// Several of one instant, so that ties are cut by pages as well.
fn event(number: i64) -> NewEvent {
    let at = Timestamp::from_micros(BEGINNING + number / 7);
    NewEvent {
        event_type: "workflow_node_event".to_owned(),
        message: number.to_string(),
        origin: Origin::default(),
        error_causes: None,
        timestamp: at,
        reported: Some(Timestamp::from_micros(BEGINNING - number % 3)),
    }
}

async fn numbers(store: &Store, query: &ListQuery) -> Vec<i64> {
    let page = events::list(store, &admin(), query, &[]).await.unwrap();
    let number = |item: &nephele_store::Record| item.value().unwrap()["message"].as_str().unwrap().parse().unwrap();
    page.items.iter().map(number).collect()
}

/// Pages at shallow, deep, still deeper and then less deep places, of every order, are slices of the whole.
async fn compare(store: &Store) {
    for sort in
        [&[][..], &[("timestamp", true)], &[("reported_timestamp", true), ("timestamp", false)], &[("message", false)]]
    {
        let sort: Vec<_> =
            sort.iter().map(|&(field, descending)| Sort { field: field.to_owned(), descending }).collect();
        let whole = ListQuery { size: Some(10_000), sort, ..ListQuery::default() };
        let all = numbers(store, &whole).await;
        for offset in [30, 999, 1000, 1001, 2500, 4290, 5000, 1999, 3000, 0] {
            let query = ListQuery { size: Some(20), offset, ..whole.clone() };
            let start = usize::try_from(offset).unwrap().min(all.len());
            let expected = &all[start..all.len().min(start + 20)];
            assert_eq!(numbers(store, &query).await, expected, "{:?} from {offset}", whole.sort);
        }
    }
}

#[tokio::test]
async fn deep_pages_are_slices_of_the_list_whatever_is_written_in_between() {
    both(|house| async move {
        let deployment = house.deployment("d").await;
        let run = Run::from(&house.execution(Some(&deployment), "e", ExecutionStatus::Started).await);
        for start in (0..COUNT).step_by(500) {
            let some: Vec<_> = (start..COUNT.min(start + 500)).map(event).collect();
            events::insert(&house.store, &run, &some, &[]).await.unwrap();
        }
        compare(&house.store).await;
        events::insert(&house.store, &run, &[event(-5), event(2100)], &[]).await.unwrap();
        compare(&house.store).await;
        let tx = house.store.begin().await.unwrap();
        events::insert(&tx, &run, &[event(-6), event(2101)], &[]).await.unwrap();
        tx.commit().await.unwrap();
        compare(&house.store).await;
    })
    .await;
}

#[tokio::test]
async fn a_deep_page_that_was_prepared_passes_few_rows() {
    both(|house| async move {
        let deployment = house.deployment("d").await;
        house.nodes(&deployment, &["n"], 3500).await;
        let query = |offset| ListQuery { size: Some(10), offset, ..ListQuery::default() };
        let statements = |offset| {
            let store = house.store.clone();
            async move {
                let before = store.statements();
                store.list(&nephele_store::node_instances::RESOURCE, &admin(), &query(offset)).await.unwrap();
                store.statements() - before
            }
        };
        // A rung for every 250 rows, the page and the total; then the page alone.
        assert_eq!(statements(3400).await, 15);
        assert_eq!(statements(2400).await, 1);
        assert_eq!(statements(3405).await, 1);
    })
    .await;
}
