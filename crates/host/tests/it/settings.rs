//! The engine's settings on the real Docker: named, taken up, taken back.

use std::fs;

use dbc_host::engine::settings::{Runtime, register, unregister};

use crate::machine::Machine;

#[tokio::test]
async fn the_runtime_is_named_and_taken_back() {
    let Some(machine) = Machine::new().await else { return };
    let runtime =
        Runtime { name: format!("dbc-{}", machine.network), ..machine.env.runtime.clone() };
    let known = || async {
        let info = machine.docker.info().await.unwrap();
        info.runtimes.unwrap().contains_key(&runtime.name)
    };
    let first = register(&machine.engine, &runtime).await.unwrap();
    assert!(first.changed && known().await);
    let text = fs::read_to_string(&first.file).unwrap();
    assert!(text.contains(&runtime.name) && text.contains(&machine.env.runtime.name), "{text}");
    assert!(!register(&machine.engine, &runtime).await.unwrap().changed);
    assert!(unregister(&machine.engine, &runtime).await.unwrap().changed);
    assert!(!known().await);
    assert!(!unregister(&machine.engine, &runtime).await.unwrap().changed);
    let text = fs::read_to_string(&first.file).unwrap();
    assert!(!text.contains(&runtime.name) && text.contains(&machine.env.runtime.name), "{text}");
    machine.finish().await;
}
