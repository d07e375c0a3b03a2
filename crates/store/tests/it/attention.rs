//! What needs a person, as far as time decides it.

use nephele_store::tokens::{self, NewToken};
use nephele_store::{Db, attention};

use crate::house::both;

const DAY: i64 = 86_400_000_000;

#[tokio::test]
async fn tokens_are_told_in_the_days_before_their_end() {
    both(|house| async move {
        let store = &house.store;
        for (id, days) in [("long", 10), ("short", 1)] {
            let token = NewToken {
                id: id.to_owned(),
                secret_hash: id.to_owned(),
                description: Some(format!("a {id} one")),
                created_at: store.now(),
                expiration_date: Some(store.now().plus_micros(days * DAY)),
                user_id: 0,
                process: None,
            };
            tokens::insert(store, token).await.unwrap();
        }
        let told = async |user: i64| -> Vec<String> {
            let before = store.now().plus_micros(7 * DAY);
            let ending = attention::tokens(store, user, before, 7 * DAY).await.unwrap();
            ending.into_iter().map(|token| token.id).collect()
        };
        assert!(told(0).await.is_empty(), "neither far from its end, nor made for a day");
        house.clock.forward(4 * DAY);
        assert_eq!(told(0).await, ["long"]);
        assert!(told(1).await.is_empty(), "not those of another user");
        house.clock.forward(7 * DAY);
        assert!(told(0).await.is_empty(), "what has ended needs nobody");
    })
    .await;
}
