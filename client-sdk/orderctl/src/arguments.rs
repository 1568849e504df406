//! What can be written on the command line: the global options and the commands.

use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use uuid::Uuid;

use crate::customers::CustomersCommand;
use crate::duplicates::DuplicatesCommand;
use crate::export::ExportArguments;
use crate::import::ImportArguments;
use crate::integrations::IntegrationsCommand;
use crate::orders::OrdersCommand;
use crate::problems::ProblemsCommand;
use crate::shops::ShopsCommand;
use crate::statuses::StatusesCommand;
use crate::stock::StockCommand;
use crate::times::duration;
use crate::watch::WatchArguments;

/// The contract's bound.
const ACTOR_CHARACTERS_MAX: usize = 100;

const EXAMPLES: &str = "\
Examples:
  orderctl shops create butikk --display-name 'Min butikk' --currency NOK --language nb
  orderctl orders create order.json
  orderctl orders list --tag default --has-problem
  orderctl orders get 1001
  orderctl orders status 1001 1002 Sendt
  orderctl orders status 1003 Kansellert --restock yes
  orderctl orders credit 1001 --line 1=2 --refund yes --restock yes
  orderctl problems list
  orderctl duplicates resolve --keep 1001 --drop 1002 --restock yes --complete-as Sendt
  orderctl import orders.jsonl
  orderctl export --format csv --tag completed --since 30d --to orders.csv
  orderctl watch --from snapshot --output json | jq .
  orderctl explain ALREADY_CAPTURED

Exit codes:
  0  done
  1  failed otherwise
  2  the command line is wrong
  3  the service refused it: code, cause and remedy are told
  4  what was named does not exist
  5  the service cannot be reached, or took longer than --timeout
  6  a part of a batch failed
  7  the audit found what must not be
  8  taken, and not done yet: it waits for the money, or for a payment to be confirmed";

/// Places, reads, changes and follows the orders of a web shop.
///
/// Data goes to stdout, everything else to stderr. An order is named by its number (1001) in the shop
/// of --shop, or by its full name (shops/default/orders/1001). Amounts are in major units (249.50),
/// in JSON in minor units.
#[derive(Debug, Parser)]
#[command(name = "orderctl", version, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: GlobalArguments,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArguments {
    /// Where the service is
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "ORDER_SERVER",
        default_value = "http://127.0.0.1:7070"
    )]
    pub(crate) server: String,

    /// The shop to work in
    #[arg(long, global = true, value_name = "ID", env = "ORDER_SHOP", default_value = "default")]
    pub(crate) shop: String,

    /// Tables for people, or the contract's JSON for programs, one document a line
    #[arg(long, short, global = true, value_enum, default_value_t = Format::Table)]
    pub(crate) output: Format,

    /// How long a call may take with all its attempts, and an audit or a batch be silent, e.g. 500ms, 10s
    #[arg(long, global = true, value_parser = duration, default_value = "10s")]
    pub(crate) timeout: Duration,

    /// Who does this, as it will stand in the history [default: who is logged in, else orderctl]
    #[arg(long, global = true, value_name = "NAME")]
    actor: Option<String>,

    /// Language of causes, remedies and status names
    #[arg(long, global = true, value_enum, default_value_t = Language::En)]
    pub(crate) lang: Language,

    /// Tell the request id of every change: with it the command can be repeated safely
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
}

impl GlobalArguments {
    /// Who does this: whoever is told, or is logged in under a name that a history can hold.
    pub(crate) fn actor(&self) -> String {
        self.actor.clone().or_else(logged_in).unwrap_or_else(|| "orderctl".to_owned())
    }
}

fn logged_in() -> Option<String> {
    let user = std::env::var_os("USER")?.into_string().ok()?;
    let is_plain = user.bytes().all(|byte| byte.is_ascii_graphic());
    (is_plain && (1..=ACTOR_CHARACTERS_MAX).contains(&user.len())).then_some(user)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    En,
    Nb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Place, read and change orders
    #[command(subcommand)]
    Orders(OrdersCommand),
    /// What needs a person: list it, dismiss it, try it again, say what happened
    #[command(subcommand)]
    Problems(ProblemsCommand),
    /// Orders that may be one purchase: which stand, and which do not
    #[command(subcommand)]
    Duplicates(DuplicatesCommand),
    /// A person's data: hand it out, or erase it
    #[command(subcommand)]
    Customers(CustomersCommand),
    /// Place many orders from a file, one JSON order a line
    Import(ImportArguments),
    /// Write orders to a file or pipe, for spreadsheets and programs
    Export(Box<ExportArguments>),
    /// Follow what happens in the shop, live
    Watch(WatchArguments),
    /// Shops and their settings
    #[command(subcommand)]
    Shops(ShopsCommand),
    /// The statuses of the shop
    #[command(subcommand)]
    Statuses(StatusesCommand),
    /// The systems outside that the shop works with, and their credentials
    #[command(subcommand)]
    Integrations(IntegrationsCommand),
    /// What is on stock
    #[command(subcommand)]
    Stock(StockCommand),
    /// Recompute everything in the shop, and tell what is not as it must be
    #[command(after_help = "Example:\n  orderctl verify --shop butikk --output json")]
    Verify,
    /// Explain a code: why it happens and what to do
    #[command(after_help = "Example:\n  orderctl explain CAPTURE_DECLINED --lang nb")]
    Explain(ExplainArguments),
    /// List all codes of refusals and problems
    #[command(after_help = "Example:\n  orderctl refusals --lang nb")]
    Refusals,
    /// Print a script that completes orderctl's commands in a shell
    #[command(
        after_help = "Example:\n  orderctl completions bash > /etc/bash_completion.d/orderctl"
    )]
    Completions(CompletionsArguments),
}

#[derive(Args, Debug)]
pub(crate) struct ExplainArguments {
    /// A code as it stands in a refusal or on an order
    pub(crate) code: String,
}

#[derive(Args, Debug)]
pub(crate) struct CompletionsArguments {
    pub(crate) shell: clap_complete::Shell,
}

/// What every change takes.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct ChangeArguments {
    /// Repeat a command safely: the same id and content is carried out once
    #[arg(long, value_name = "UUID")]
    pub(crate) request_id: Option<Uuid>,

    /// Only check, and tell what would happen
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// A choice that must be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum YesNo {
    Yes,
    No,
}

impl Language {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Nb => "nb",
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;
    use order_sdk::placeholders;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    /// Values for the words in capitals that do not read as themselves.
    fn sample(word: &str) -> Option<&'static str> {
        match word {
            "ORDER" | "OTHER" | "ORIGINAL" | "KEPT" | "DROPPED" => Some("1001"),
            "OPERATION" | "PROBLEM" | "DELIVERY" | "MAIL" | "LINE" | "QUANTITY" | "PRICE"
            | "AMOUNT" | "RATE" | "TYPE" => Some("7"),
            "DATE" => Some("2026-11-25"),
            "KIND" => Some("sandbox"),
            _ => None,
        }
    }

    /// Reads the commands between a text's backticks; answers how many there are.
    fn read_quoted(text: &str) -> usize {
        let text = placeholders::filled(text, sample);
        let quoted = text.split('`').skip(1).step_by(2);
        let lines: Vec<&str> = quoted.filter(|quoted| quoted.starts_with("orderctl ")).collect();
        for line in &lines {
            let parts = line.split(['"', '\'']).enumerate();
            let line: String =
                parts.map(|(at, part)| if at % 2 == 1 { "text" } else { part }).collect();
            match Arguments::try_parse_from(line.split_whitespace()) {
                Ok(_) => {}
                // What is to be added is said in words.
                Err(wrong) if wrong.kind() == ErrorKind::MissingRequiredArgument => {}
                Err(wrong)
                    if wrong.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {}
                Err(wrong) => panic!("{line}: {wrong}"),
            }
        }
        lines.len()
    }

    #[test]
    fn every_command_of_a_remedy_is_one() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../server/refusals");
        let mut seen = 0;
        for page in std::fs::read_dir(folder).expect("the pages are in the repository") {
            let page = std::fs::read_to_string(page.expect("a page").path()).expect("a page");
            seen += read_quoted(&page);
        }
        assert!(seen > 200, "only {seen} commands were found");
    }

    /// What a command says of itself and of all below it.
    fn helps(command: &clap::Command) -> Vec<String> {
        let arguments = command.get_arguments();
        let of_arguments = arguments.flat_map(|one| [one.get_help(), one.get_long_help()]);
        let own = [
            command.get_about(),
            command.get_long_about(),
            command.get_after_help(),
            command.get_after_long_help(),
        ];
        let own = own.into_iter().chain(of_arguments).flatten().map(ToString::to_string);
        own.chain(command.get_subcommands().flat_map(helps)).collect()
    }

    /// The commands on lines of their own, each in words, without what only a shell is told.
    fn examples(text: &str) -> Vec<Vec<String>> {
        let text = text.replace("\\\n", " ");
        let is_example = |line: &&str| {
            line.starts_with("  ")
                && (line.trim_start().starts_with("orderctl ") || line.contains("| orderctl "))
        };
        let words = |line: &str| -> Vec<String> {
            let words = shlex::split(line).unwrap_or_else(|| panic!("{line}: a quote is open"));
            let own = words.into_iter().skip_while(|word| word != "orderctl");
            own.take_while(|word| !word.starts_with(['|', '<', '>'])).collect()
        };
        text.lines().filter(is_example).map(words).collect()
    }

    #[test]
    fn every_command_that_a_help_shows_is_one() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");
        let pages = ["mail.md", "integrations.md"]
            .map(|page| std::fs::read_to_string(format!("{folder}/{page}")).expect("a page"));
        let helps = helps(&Arguments::command());
        let mut seen = 0;
        for words in helps.iter().chain(&pages).flat_map(|text| examples(text)) {
            seen += 1;
            if let Err(wrong) = Arguments::try_parse_from(&words) {
                panic!("{words:?}: {wrong}");
            }
        }
        assert!(seen > 120, "only {seen} examples were found");
        let quoted: usize = helps.iter().map(|text| read_quoted(text)).sum();
        assert!(quoted > 5, "only {quoted} commands were found in words");
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a list: one command a line")]
    fn every_command_is_read_as_its_help_writes_it() {
        for line in [
            "orders list --tag default --since 7d --payment-state partially-captured",
            "orders list --min 1000 --max 2000.50 --currency NOK --limit 10 --duplicates --pending",
            "orders get 1001 shops/other/orders/5 --output json",
            "orders create - --dry-run --wait 5s",
            "orders update 1001 --email kari@example.com --metadata gift=yes",
            "orders status 1001 1002 Sendt --wait 30s",
            "orders status 1001 Kansellert --restock yes --note gone -v",
            "orders status 1001 sent --note Ring --for warehouse",
            "orders status sent --from numbers.txt --failed failed.txt",
            "orders status Sendt --where --tag default --status new --since 7d --dry-run",
            "orders list --text kari --metadata gift=yes --show-deleted --count",
            "orders list --no-problem --no-duplicates --not-pending --updated-until 2d",
            "orders list --credits-of 1001 --refund-due-before 2026-11-25",
            "export --format csv --lines --fields number,sku --to orders.csv --tag completed",
            "export --format jsonl --since 7d",
            "orders edit 1001 --quantity 2=1 --price 1=99.50 --remove 3 --restock yes --dry-run",
            "orders edit 1001 --shipping 0 --add sku=MUG-1,title=Krus,quantity=1,price=99,vat=25",
            "orders delete 1001 --restock yes",
            "orders get 1001 --show-deleted",
            "orders withdraw 1001 --request-id 01a20a45-3395-7731-b83b-01d12c12fe1b",
            "orders attach-payment 1001 --provider klarna --reference K-2 --amount 2598",
            "orders deliver 1001",
            "orders deliver 1001 --line 1=2 --line 3=1 --carrier Posten --tracking 70300 --wait",
            "orders deliver 1001 --url https://a.no/1 --shipped 2026-11-24T10:00 --wait 0s --dry-run",
            "orders cancel-delivery 1001 1",
            "orders arrived 1001 --date 2026-11-25 --delivery 1",
            "orders withdrawal 1001 --date 2026-11-25",
            "orders credit 1001 --line 1=2 --amount 2=50.00 --fee Returfrakt=99.00@25 --refund yes",
            "orders credit 1001 --all --refund no --restock yes --reason broken --dry-run",
            "orders credit 1001 --line 1=1 --refund yes --share 7=249.50 --wait 0s",
            "orders credit 1001 --all --refund yes --restock yes --restock 2=no",
            "orders list --kind credit",
            "orders history 1001",
            "duplicates list --limit 5",
            "duplicates resolve --keep 1001 --drop 1002 --restock yes --complete-as Sendt --wait 10s",
            "duplicates resolve --keep 1001 --drop 1002 --drop 1003 --restock no --dry-run",
            "duplicates dismiss 1001 1002",
            "orders note 1001 text --for customer --email --withdrawal-form --attach a.pdf --attach b.txt",
            "orders note 1001 text --for customer --no-email --dry-run",
            "orders resend 1001 57",
            "orders transfer 1001 --as invoice",
            "orders transfer 1001 --as order --integration tripletex --wait 0s --dry-run",
            "shops update butikk --accounting tripletex --automatic-transfer none --invoice-mail false",
            "shops update butikk --payment-type klarna=Klarna --payment-type vipps= --vat-type 0=6",
            "orders status 1001 sent --email",
            "shops update butikk --seller-name B --seller-email a@b.no --seller-address street,town",
            "shops update butikk --confirm-orders true --note-email true --note-withdrawal-form false",
            "shops update butikk --mail-template note.nb=note.txt --mail-template note.en=",
            "orders import orders.jsonl",
            "problems list --code OUTCOME_UNKNOWN --code REFUND_DECLINED --limit 20",
            "problems dismiss 1001 78 --reason released",
            "problems retry 1001 77 --wait 5s --dry-run",
            "problems settle 1001 77 happened --amount 99.50 --reason seen",
            "problems settle 1001 77 did-not-happen --reason seen --output json",
            "customers export kari@example.no -o json --file kari.jsonl",
            "customers erase kari@example.no --dry-run",
            "customers erase --id K-77 --yes",
            "import - --concurrency 64 --failed failed.jsonl",
            "watch --from oldest --kind order-created --order 1001 --checkpoint ./cursor",
            "shops create butikk --currency NOK",
            "shops update butikk --completed-delivers false --stock-mode refuse",
            "shops update butikk --capture-mode per-delivery --transit-days 5",
            "shops update butikk --next-credit-number 5000 --credit-order-status processing",
            "statuses create on-hold --name nb=Vent --tag none --position 25",
            "statuses delete on-hold --replacement processing",
            "stock create TENT-3 25",
            "stock adjust TENT-3 -2",
            "stock movements TENT-3",
            "verify --shop butikk",
            "explain ALREADY_CAPTURED --lang nb",
            "refusals --server http://127.0.0.1:1 --shop other --timeout 3 --actor me",
            "completions zsh",
        ] {
            let words = std::iter::once("orderctl").chain(line.split(' '));
            if let Err(error) = Arguments::try_parse_from(words) {
                panic!("{line}: {error}");
            }
        }
        for line in [
            "orders get",
            "orders status",
            "orders status sent --from a --where",
            "orders list --count --limit 5",
            "orders list --metadata gift",
            "orders list --has-problem --no-problem",
            "export --format xml",
            "orders credit 1001 --refund yes",
            "orders credit 1001 --line 1=1",
            "orders credit 1001 --all --refund yes --restock 2=maybe",
            "orders status 1001 sent --for customer",
            "orders status 1001 sent --note text --for nobody",
            "orders credit 1001 --all --line 1=1 --refund no",
            "orders list --tag paid",
            "duplicates resolve --keep 1001 --drop 1002",
            "duplicates resolve --keep 1001 --restock yes",
            "duplicates dismiss 1001",
            "orders edit 1001 --quantity 2",
            "orders edit 1001 --add colour=red",
            "orders note 1001",
            "orders note 1001 text --email --no-email",
            "orders resend 1001",
            "orders transfer 1001",
            "orders transfer 1001 --as nothing",
            "shops update butikk --automatic-transfer maybe",
            "orders list --since yesterday",
            "orders withdraw 1001 --request-id 7",
            "problems dismiss 1001 78",
            "customers erase",
            "customers erase kari@example.no --id K-77",
            "problems settle 1001 77 maybe --reason seen",
            "orders deliver 1001 --line 1",
            "orders cancel-delivery 1001",
            "orders arrived 1001",
            "stock adjust TENT-3",
            "watch --heartbeat soon",
            "watch --kind noop",
            "shops list --output yaml",
        ] {
            let words = std::iter::once("orderctl").chain(line.split(' '));
            assert!(Arguments::try_parse_from(words).is_err(), "{line} was taken");
        }
    }
}
