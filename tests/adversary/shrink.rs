//! The smallest case that is still as hard: what somebody looks at who wants to know why.
//!
//! Start at [`shrunk`].

use crate::world::{Device, World};

/// Takes parts out as long as the world stays hard.
pub(crate) fn shrunk(mut world: World, is_hard: impl Fn(&World) -> bool) -> World {
    while let Some(smaller) = smaller(&world).into_iter().find(&is_hard) {
        world = smaller;
    }
    world
}

/// Worlds that lack a part, the largest parts first.
fn smaller(world: &World) -> Vec<World> {
    let mut all = Vec::new();
    let mut add = |change: &dyn Fn(&mut World)| {
        let mut world = world.clone();
        change(&mut world);
        all.push(world);
    };
    for (at, claim) in world.claims.iter().enumerate() {
        if world.claims.len() > 1 {
            add(&|world| drop(world.claims.remove(at)));
        }
        for rule in 0..claim.rules.len() {
            add(&|world| drop(world.claims[at].rules.remove(rule)));
        }
        for (r, request) in claim.requests.iter().enumerate() {
            if claim.requests.len() > 1 {
                add(&|world| world.claims[at].remove_request(r));
            }
            for (w, way) in request.ways.iter().enumerate() {
                if request.ways.len() > 1 {
                    add(&|world| drop(world.claims[at].requests[r].ways.remove(w)));
                }
                if way.count > 1 {
                    add(&|world| world.claims[at].requests[r].ways[w].count -= 1);
                }
            }
        }
    }
    let mut kinds = world.devices.clone();
    kinds.sort();
    kinds.dedup();
    if kinds.len() > 1 {
        for kind in &kinds {
            add(&|world| world.devices.retain(|device| device != kind));
        }
    }
    for kind in &kinds {
        let first = |world: &World| world.devices.iter().position(|device| device == kind);
        if world.devices.len() > 1 {
            add(&|world| drop(first(world).map(|at| world.devices.remove(at))));
        }
        for plainer in plainer(kind) {
            add(&|world| {
                let like = world.devices.iter_mut().filter(|device| *device == kind);
                like.for_each(|device| device.clone_from(&plainer));
            });
        }
    }
    all
}

/// The device with less to it.
fn plainer(device: &Device) -> Vec<Device> {
    let mut all = Vec::new();
    for draw in 0..device.draws.len() {
        let mut plainer = device.clone();
        plainer.draws.remove(draw);
        all.push(plainer);
        for counter in 0..device.draws[draw].1.len() {
            let mut plainer = device.clone();
            plainer.draws[draw].1[counter] = 0;
            all.push(plainer);
        }
    }
    for attribute in 0..2 {
        let mut plainer = device.clone();
        plainer.values[attribute] = vec![0];
        all.push(plainer);
    }
    all.retain(|plainer| plainer != device);
    all
}
