//! Who runs PostgreSQL: this user, or, for root, whom PostgreSQL refuses, another.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::PostgresError;
use super::place::FOLDER;

/// The user that runs the cluster and owns its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Whether it is not the user of this process, which then is root.
    pub other: bool,
}

impl Account {
    /// This user; for root the owner of the cluster that is there, or else `postgres`, or else `nobody`.
    pub fn choose(data_dir: &Path) -> Result<Self, PostgresError> {
        // The owner of /proc/self is the user of this process, told without a call into C.
        let own = Path::new("/proc/self");
        let own = std::fs::metadata(own).map_err(PostgresError::file(own))?;
        if own.uid() != 0 {
            return Ok(Self { uid: own.uid(), gid: own.gid(), other: false });
        }
        if let Ok(there) = data_dir.join(FOLDER).symlink_metadata()
            && there.uid() != 0
        {
            return Ok(Self { uid: there.uid(), gid: there.gid(), other: true });
        }
        let path = Path::new("/etc/passwd");
        let passwd = std::fs::read_to_string(path).map_err(PostgresError::file(path))?;
        ["postgres", "nobody"].iter().find_map(|name| entry(&passwd, name)).ok_or(PostgresError::NoAccount)
    }
}

/// `name:password:uid:gid:…` of passwd(5).
fn entry(passwd: &str, name: &str) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let found = fields.next()? == name;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        (found && uid != 0).then_some(Account { uid, gid, other: true })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_users_as_passwd_5_lists_them() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin\npostgres2:x:1:1::/:\nbroken\ntoor:x:0:0::/:\n";
        assert_eq!(entry(passwd, "nobody"), Some(Account { uid: 65534, gid: 65533, other: true }));
        assert_eq!(entry(passwd, "postgres"), None);
        assert_eq!(entry(passwd, "broken"), None);
        assert_eq!(entry(passwd, "toor"), None);
    }
}
