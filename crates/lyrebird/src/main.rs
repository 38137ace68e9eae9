//! The binary: command line, configuration, wiring. The only room that names concrete adapters.

mod cli;
mod client;
mod clock;
mod commands;
mod config;
mod data_dir;
mod descriptors;
mod differences;
mod failure;
mod http;
mod live_limits;
mod logging;
mod metrics;
mod operations;
mod otel;
mod provision;
mod reload;
mod server;
mod service_manager;
mod signals;
mod terminal;

use clap::Parser;
use cli::{Cli, Command};
use commands::CommandResult;
use config::Config;
use failure::BadInput;
use std::process::ExitCode;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(Cli::parse())),
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::complain(&format!("lyrebird: {error}"));
            if error.is::<BadInput>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

async fn run(cli: Cli) -> CommandResult {
    match cli.command {
        Command::Serve => commands::serve::run(cli.flags).await,
        Command::Init(args) => commands::init::run(&Config::load(&cli.flags)?, &args).await,
        Command::Keys(args) => commands::keys::run(&Config::load(&cli.flags)?, args).await,
        Command::Sandbox(args) => commands::sandbox::run(&cli.flags, args).await,
        Command::Demo => commands::demo::run(Config::load(&cli.flags)?).await,
        Command::Call(args) => commands::call::run(&cli.flags, args).await,
        Command::Calls(args) => commands::calls::run(&cli.flags, args).await,
        Command::Simulate(args) => commands::simulate::run(&args),
        Command::Replay(args) => commands::replay::run(&cli.flags, args).await,
        Command::Trunks(args) => commands::trunks::run(&cli.flags, args).await,
        Command::Endpoints(args) => commands::endpoints::run(&cli.flags, args).await,
        Command::Numbers(args) => commands::numbers::run(&cli.flags, args).await,
        Command::Config => {
            terminal::line(config::DEFAULT_TOML.trim_end());
            Ok(())
        }
    }
}
