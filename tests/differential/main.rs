//! Random allocation cases.
mod generate;
#[path = "../support/random.rs"]
mod random;
#[path = "../support/oracle.rs"]
mod oracle;
#[test]
fn dump() {
    let n: u64 = std::env::var("GPUALLOC_CASES").unwrap().parse().unwrap();
    for i in 0..n { println!("{}", generate::case(1, i)); }
}
