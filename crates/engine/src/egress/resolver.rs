//! Names to addresses. The guarded resolver passes only public addresses on, and the connection is made to what it
//! passed on, so a name that changes its mind between check and connection gains nothing.

use super::address::is_public;
use ports::EgressError;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::SocketAddr;

/// Public addresses only.
pub(super) struct Guarded;

/// Whatever the name says: for hosts that the configuration allows.
pub(super) struct Unguarded;

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let public = public(lookup(name.as_str()).await?)?;
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

impl Resolve for Unguarded {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move { Ok(Box::new(lookup(name.as_str()).await?.into_iter()) as Addrs) })
    }
}

/// The public ones; an error if there are none.
fn public(addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, EgressError> {
    let public: Vec<_> = addresses.into_iter().filter(|address| is_public(address.ip())).collect();
    if public.is_empty() {
        let why = "its host has a private, loopback or reserved address";
        return Err(EgressError::NotAllowed(why.to_owned()));
    }
    Ok(public)
}

async fn lookup(name: &str) -> Result<Vec<SocketAddr>, EgressError> {
    // The port is replaced by the URL's.
    let found = tokio::net::lookup_host((name, 0)).await;
    let found = found.map_err(|error| EgressError::Unresolvable(error.to_string()))?;
    let addresses: Vec<_> = found.collect();
    if addresses.is_empty() {
        return Err(EgressError::Unresolvable("the name has no address".into()));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(addresses: &[&str], expected: Option<&[&str]>) {
        let parse = |list: &[&str]| -> Vec<SocketAddr> {
            list.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect()
        };
        assert_eq!(public(parse(addresses)).ok(), expected.map(parse), "{addresses:?}");
    }

    #[test]
    fn only_public_addresses_are_passed_on() {
        check(&["8.8.8.8", "10.0.0.1"], Some(&["8.8.8.8"]));
        check(&["10.0.0.1", "::1"], None);
        check(&["2606:4700::1111"], Some(&["2606:4700::1111"]));
    }

    #[tokio::test]
    async fn a_name_of_a_private_address_is_refused() {
        let error = Guarded.resolve("localhost".parse().unwrap()).await.err().unwrap();
        assert!(matches!(error.downcast_ref(), Some(EgressError::NotAllowed(_))), "{error}");
    }
}
