//! What processes have cost so far, by `/proc`.

use std::path::Path;

/// Ticks of a second in `/proc`, on every Linux there is.
const TICKS: f64 = 100.0;

/// CPU seconds since the start of everything that a measurement looks at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cpu {
    /// The server that is measured.
    pub server: f64,
    /// PostgreSQL, all of its processes.
    pub postgres: f64,
    /// The load.
    pub load: f64,
    /// The whole machine.
    pub machine: f64,
}

impl Cpu {
    /// What was used from `before` to now.
    pub fn since(self, before: Self) -> Self {
        Self {
            server: self.server - before.server,
            postgres: self.postgres - before.postgres,
            load: self.load - before.load,
            machine: self.machine - before.machine,
        }
    }

    /// What others took of the machine meanwhile.
    pub fn others(self) -> f64 {
        (self.machine - self.server - self.postgres - self.load).max(0.0)
    }
}

/// Microseconds an event costs.
pub fn each(seconds: f64, events: f64) -> f64 {
    seconds * 1e6 / events.max(1.0)
}

/// Reads what the processes have used. `server` and `postgres` count with their children, living and dead.
pub fn cpu(server: Option<u32>, postgres: Option<u32>, load: &[u32]) -> Cpu {
    Cpu {
        server: server.map_or(0.0, family),
        postgres: postgres.map_or(0.0, family),
        load: load.iter().filter_map(|pid| own(*pid)).sum(),
        machine: machine(),
    }
}

/// What a process has used by itself; none once it has ended.
pub fn own(pid: u32) -> Option<f64> {
    stat(pid).map(|stat| stat.own)
}

fn family(pid: u32) -> f64 {
    let Some(head) = stat(pid) else { return 0.0 };
    let children = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let living = children.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter_map(stat).filter(|one| one.parent == pid);
    head.own + head.buried + living.map(|one| one.own + one.buried).sum::<f64>()
}

struct Stat {
    parent: u32,
    own: f64,
    /// Of children that have ended.
    buried: f64,
}

fn stat(pid: u32) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything.
    let fields: Vec<&str> = text.get(text.rfind(')')? + 2..)?.split(' ').collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).map(|ticks| ticks / TICKS);
    Some(Stat { parent: fields.get(1)?.parse().ok()?, own: ticks(11)? + ticks(12)?, buried: ticks(13)? + ticks(14)? })
}

fn machine() -> f64 {
    let text = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let times: Vec<f64> = text.lines().next().unwrap_or_default().split_whitespace().skip(1).filter_map(|time| time.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq, steal: whatever is not idle is busy, also where another guest has the core.
    times.iter().enumerate().filter(|(index, _)| !matches!(index, 3 | 4) && *index < 8).map(|(_, ticks)| ticks / TICKS).sum()
}

/// Most memory that a process has had resident so far, and what it has now, in MB.
pub fn memory(pid: u32) -> (f64, f64) {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let megabytes = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok()).map_or(0.0, |kilobytes| kilobytes / 1024.0)
    };
    (megabytes("VmHWM:"), megabytes("VmRSS:"))
}

/// The machine in words: cores, processor, memory.
pub fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let line = |path: &str, name: &str| {
        let text = std::fs::read_to_string(Path::new(path)).unwrap_or_default();
        text.lines().find(|line| line.starts_with(name)).and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned())
    };
    let memory = line("/proc/meminfo", "MemTotal").and_then(|text| text.trim_end_matches(" kB").parse::<f64>().ok()).unwrap_or_default();
    let processor = line("/proc/cpuinfo", "model name").unwrap_or_else(|| "an unnamed processor".to_owned());
    format!("{cores} cores ({processor}), {:.0} GB of memory", memory / 1024.0 / 1024.0)
}
