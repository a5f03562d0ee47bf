//! Host names to addresses, away from JavaScript's thread.

use std::net::{IpAddr, ToSocketAddrs};

use napi::bindgen_prelude::AsyncTask;
use napi::{Env, Result, Status, Task};
use napi_derive::napi;

use crate::error::io_text;

/// One look-up with the system's resolver.
pub struct Resolve {
    host: String,
}

impl Task for Resolve {
    type Output = Vec<String>;
    type JsValue = Vec<String>;

    fn compute(&mut self) -> Result<Vec<String>> {
        if let Ok(ip) = self.host.parse::<IpAddr>() {
            return Ok(vec![ip.to_string()]);
        }
        let found = (self.host.as_str(), 0)
            .to_socket_addrs()
            .map_err(|error| napi::Error::new(Status::GenericFailure, io_text(&error)))?;
        let mut addresses = Vec::new();
        for address in found {
            let text = address.ip().to_string();
            // The resolver lists an address once for each kind of socket.
            if !addresses.contains(&text) {
                addresses.push(text);
            }
        }
        Ok(addresses)
    }

    fn resolve(&mut self, _env: Env, addresses: Vec<String>) -> Result<Vec<String>> {
        Ok(addresses)
    }
}

/// IP addresses of `host`, in the resolver's order. Rejects with the resolver's words.
#[napi(catch_unwind)]
pub fn resolve(host: String) -> AsyncTask<Resolve> {
    AsyncTask::new(Resolve { host })
}
