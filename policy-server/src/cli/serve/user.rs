//! From root to an ordinary user, once the ports are bound.

use std::{ffi::CString, fmt, os::unix::fs::chown, path::Path, str::FromStr};

use anyhow::{Context as _, ensure};
use nix::unistd::{
    Gid, Group, Uid, User, getegid, geteuid, getgid, getgroups, getuid, initgroups, setgid, setgroups, setuid,
};

use crate::cli::Misuse;

/// `NAME[:GROUP]`, looked up. Numbers may stand for names.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    text: String,
    /// For its further groups; a number has none.
    name: Option<CString>,
    uid: Uid,
    gid: Gid,
    is_group_given: bool,
}

impl FromStr for Account {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (text, None),
        };
        let known = User::from_name(user).map_err(|e| format!("cannot look up the user {user:?}: {e}"))?;
        let group = group.map(find_group).transpose()?;
        let (name, uid, own_group) = match (known, user.parse()) {
            (Some(user), _) => (CString::new(user.name).ok(), user.uid, Some(user.gid)),
            (None, Ok(number)) => (None, Uid::from_raw(number), None),
            (None, Err(_)) => return Err(format!("no user {user:?}; `getent passwd` lists them")),
        };
        let gid = group.or(own_group).ok_or("a number needs a group with it: UID:GID")?;
        if uid.is_root() {
            return Err("root is what is to be given up; name another user".to_owned());
        }
        Ok(Self { text: text.to_owned(), name, uid, gid, is_group_given: group.is_some() })
    }
}

fn find_group(group: &str) -> Result<Gid, String> {
    match Group::from_name(group).map_err(|e| format!("cannot look up the group {group:?}: {e}"))? {
        Some(group) => Ok(group.gid),
        None => group
            .parse()
            .map(Gid::from_raw)
            .map_err(|_| format!("no group {group:?}; `getent group` lists them")),
    }
}

impl Account {
    /// Gives a file to the account.
    pub(crate) fn own(&self, path: &Path) -> std::io::Result<()> {
        chown(path, Some(self.uid.as_raw()), Some(self.gid.as_raw()))
    }

    /// Becomes the account, for good, with every thread there is. If that is so already it is verified alone.
    pub(crate) fn assume(&self) -> anyhow::Result<()> {
        if (getuid(), geteuid(), getegid()) == (self.uid, self.uid, self.gid) {
            return self.verify();
        }
        if !geteuid().is_root() {
            let message = format!("cannot become {self}: only root can; start as root, or leave out --user");
            return Err(Misuse(message).into());
        }
        match &self.name {
            Some(name) if !self.is_group_given => initgroups(name, self.gid).context("cannot set groups")?,
            _ => setgroups(&[self.gid]).context("cannot set groups")?,
        }
        setgid(self.gid).context("cannot set the group")?;
        setuid(self.uid).context("cannot set the user")?;
        self.verify()
    }

    /// A drop that did not happen must not go unseen.
    fn verify(&self) -> anyhow::Result<()> {
        let (user, group) = ((getuid(), geteuid()), (getgid(), getegid()));
        ensure!(user == (self.uid, self.uid), "still user {} after becoming {self}", user.1);
        ensure!(group == (self.gid, self.gid), "still group {} after becoming {self}", group.1);
        ensure!(setuid(Uid::from_raw(0)).is_err(), "root could be taken back after becoming {self}");
        let root = Gid::from_raw(0);
        ensure!(
            self.gid == root || !getgroups().context("cannot read the groups")?.contains(&root),
            "still in the group of root after becoming {self}"
        );
        Ok(())
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_looked_up() {
        let root_group: Account = "65534:0".parse().unwrap();
        assert_eq!((root_group.uid.as_raw(), root_group.gid.as_raw()), (65534, 0));
        assert_eq!("12345:23456".parse::<Account>().unwrap().gid.as_raw(), 23456);
        for (text, problem) in [
            ("no-such-user", "no user \"no-such-user\""),
            ("12345", "a number needs a group"),
            ("12345:no-such-group", "no group \"no-such-group\""),
            ("0:0", "root is what is to be given up"),
            ("", "no user \"\""),
        ] {
            let error = text.parse::<Account>().unwrap_err();
            assert!(error.starts_with(problem), "{text}: {error}");
        }
    }
}
