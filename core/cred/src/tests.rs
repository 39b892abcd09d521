//! Credentials against credentials(7) and capabilities(7): who may become whom, and what that costs.
use super::*;
use abi::Errno;
use std::vec::Vec;

fn root() -> Cred {
    (*Cred::init().unwrap()).clone()
}

fn user(uid: u32) -> Cred {
    let mut cred = root();
    cred.set_resgid(Some(Kgid(uid)), Some(Kgid(uid)), Some(Kgid(uid)))
        .unwrap();
    cred.set_resuid(Some(Kuid(uid)), Some(Kuid(uid)), Some(Kuid(uid)))
        .unwrap();
    cred
}

#[test]
fn leaving_root_loses_capabilities() {
    let cred = user(1000);
    assert!(cred.permitted.is_empty() && cred.effective.is_empty());
    assert!(!cred.capable(cap::CHOWN));
    let mut kept = root();
    kept.securebits = securebit::KEEP_CAPS;
    kept.set_uid(Kuid(1000)).unwrap();
    assert_eq!(kept.permitted, CapSet::FULL);
    assert!(kept.effective.is_empty());
}

#[test]
fn a_user_moves_between_its_own_ids_only() {
    let mut cred = user(1000);
    assert_eq!(cred.set_uid(Kuid(0)), Err(Errno::EPERM));
    assert_eq!(
        cred.set_resuid(None, Some(Kuid(1)), None),
        Err(Errno::EPERM)
    );
    assert_eq!(cred.set_reuid(Some(Kuid(2)), None), Err(Errno::EPERM));
    cred.suid = Kuid(7);
    cred.set_resuid(None, Some(Kuid(7)), None).unwrap();
    assert_eq!(
        (cred.uid, cred.euid, cred.fsuid),
        (Kuid(1000), Kuid(7), Kuid(7))
    );
    cred.set_reuid(Some(Kuid(7)), None).unwrap();
    assert_eq!((cred.uid, cred.suid), (Kuid(7), Kuid(7)));
}

#[test]
fn fsuid_takes_the_file_capabilities_along() {
    let mut cred = root();
    assert_eq!(cred.set_fsuid(Kuid(5)), Kuid(0));
    assert!(!cred.has_cap(cap::DAC_OVERRIDE) && cred.has_cap(cap::SYS_ADMIN));
    assert_eq!(cred.set_fsuid(Kuid(0)), Kuid(5));
    assert!(cred.has_cap(cap::DAC_OVERRIDE));
    let mut cred = user(3);
    assert_eq!(cred.set_fsuid(Kuid(0)), Kuid(3));
    assert_eq!(cred.fsuid, Kuid(3));
}

/// A file that gives nothing.
const PLAIN: ExecFile = ExecFile {
    setuid: None,
    setgid: None,
    caps: None,
    no_gain: false,
};

#[test]
fn a_setuid_root_program_gets_everything() {
    let setuid = ExecFile {
        setuid: Some(Kuid(0)),
        ..PLAIN
    };
    let mut cred = user(1000);
    assert_eq!(cred.exec(setuid), Ok(true));
    assert_eq!(
        (cred.uid, cred.euid, cred.suid),
        (Kuid(1000), Kuid(0), Kuid(0))
    );
    assert_eq!(cred.effective, CapSet::FULL);
    let mut cred = user(1000);
    assert_eq!(cred.exec(PLAIN), Ok(false));
    assert!(cred.effective.is_empty());
    let mut cred = root();
    assert_eq!(cred.exec(PLAIN), Ok(false));
    assert_eq!(cred.effective, CapSet::FULL);
}

#[test]
fn a_file_gives_capabilities() {
    let caps = FileCaps {
        permitted: CapSet::of(&[cap::CHOWN, cap::KILL]),
        inheritable: CapSet::of(&[cap::SYS_TIME]),
        effective: true,
        root: 0,
    };
    let file = ExecFile {
        caps: Some(caps),
        ..PLAIN
    };
    let mut cred = user(1000);
    cred.inheritable = CapSet::of(&[cap::SYS_TIME, cap::SYS_BOOT]);
    assert_eq!(cred.exec(file), Ok(true));
    assert_eq!(
        cred.permitted,
        CapSet::of(&[cap::CHOWN, cap::KILL, cap::SYS_TIME])
    );
    assert_eq!(cred.effective, cred.permitted);
    // What the bounding set lacks is not given, and a program that takes it for given is not run.
    let mut cred = user(1000);
    cred.bounding.remove(cap::KILL);
    assert_eq!(cred.clone().exec(file), Err(Errno::EPERM));
    let knows = ExecFile {
        caps: Some(FileCaps {
            effective: false,
            ..caps
        }),
        ..PLAIN
    };
    assert_eq!(cred.exec(knows), Ok(true));
    assert_eq!(cred.permitted, CapSet::of(&[cap::CHOWN]));
    assert!(cred.effective.is_empty());
    // Set-user-ID root besides: these and no others.
    let mut cred = user(1000);
    let both = ExecFile {
        setuid: Some(Kuid(0)),
        ..file
    };
    assert_eq!(cred.exec(both), Ok(true));
    assert_eq!((cred.euid, cred.permitted), (Kuid(0), caps.permitted));
    // Nothing for who promised to gain nothing.
    let mut cred = user(1000);
    let promised = ExecFile {
        no_gain: true,
        ..file
    };
    cred.exec(promised).unwrap();
    assert!(cred.permitted.is_empty() && cred.effective.is_empty());
}

#[test]
fn values_of_file_capabilities() {
    let mut value = [0; 24];
    value[3] = 3;
    value[0] = 1;
    value[4] = 0x21;
    value[12] = 0xff;
    value[13] = 0xff;
    value[20] = 7;
    let caps = FileCaps::parse(&value).unwrap();
    assert!(caps.effective && caps.root == 7);
    assert!(caps.permitted.has(cap::CHOWN) && caps.permitted.has(cap::KILL));
    assert!(caps.permitted.is_subset(CapSet::FULL));
    let (unnamed, len) = FileCaps::rename(&value, None);
    assert_eq!((len, unnamed[0], unnamed[3]), (20, 1, 2));
    assert_eq!(FileCaps::parse(&unnamed[..len]).unwrap().root, 0);
    for bad in [&value[..20], &value[..23], &value[..0], &unnamed[..24]] {
        assert_eq!(FileCaps::parse(bad), Err(Errno::EINVAL));
    }
    value[3] = 1;
    assert_eq!(FileCaps::parse(&value), Err(Errno::EINVAL));
}

#[test]
fn groups_and_access() {
    let mut cred = root();
    cred.set_groups(GroupList::new(&[Kgid(9), Kgid(4)]).unwrap())
        .unwrap();
    assert!(cred.in_group(Kgid(4)) && cred.in_group(Kgid(0)) && !cred.in_group(Kgid(5)));
    assert_eq!(cred.groups(), [Kgid(4), Kgid(9)]);
    cred.uid = Kuid(12);
    let real = cred.for_access();
    assert_eq!(real.fsuid, Kuid(12));
    assert!(real.effective.is_empty());
}

#[test]
fn maps_of_a_child_namespace() {
    for bad in [
        "",
        "0 1000",
        "0 1000 0",
        "0 1000 10\n5 3000 1",
        "4294967295 0 1",
        "4294967294 0 5",
        "0 0 1 1",
        "0 -1 1",
        "0 1 1\n\n1 2 1",
    ] {
        assert!(IdMap::parse(bad.as_bytes()).is_err(), "{bad:?}");
    }
    let init = UserNamespace::init().unwrap();
    let root = Cred::init().unwrap();
    let ns = UserNamespace::new(&user(1000)).unwrap();
    assert!(!ns.kuid(0).is_valid());
    let set = |kind, text: &[u8], by: &Cred| ns.set_map(kind, text, by, by);
    assert_eq!(
        set(MapKind::Users, b"0 0 1", &user(1000)),
        Err(Errno::EPERM)
    );
    assert_eq!(
        set(MapKind::Groups, b"0 1000 1", &user(1000)),
        Err(Errno::EPERM)
    );
    let text = b"0 1000 1\n1 100000 10\n";
    assert_eq!(set(MapKind::Users, text, &user(1000)), Err(Errno::EPERM));
    assert_eq!(set(MapKind::Users, text, &root), Ok(()));
    assert_eq!(set(MapKind::Users, text, &root), Err(Errno::EPERM));
    ns.set_setgroups(false).unwrap();
    assert_eq!(set(MapKind::Groups, b"0 1000 1", &user(1000)), Ok(()));
    assert_eq!(ns.set_setgroups(true), Err(Errno::EPERM));
    assert!(!ns.has_setgroups());
    assert_eq!(ns.kuid(0), Kuid(1000));
    assert_eq!(ns.kuid(10), Kuid(100_009));
    assert!(!ns.kuid(11).is_valid());
    assert_eq!(ns.uid(Kuid(0)), OVERFLOW_ID);
    assert!(user(1000).ns_capable(&ns, cap::KILL));
    assert!(!user(1001).ns_capable(&ns, cap::KILL));
    let mut inside = user(1000);
    inside.user_ns = ns.clone();
    inside.effective = CapSet::FULL;
    assert!(inside.ns_capable(&ns, cap::KILL) && !inside.ns_capable(&init, cap::KILL));
    assert!(!inside.capable(cap::KILL));
    assert!(!inside.capable_over(Kuid(0), Kgid(0), cap::DAC_OVERRIDE));
    assert!(inside.capable_over(Kuid(1000), Kgid(1000), cap::DAC_OVERRIDE));
}

#[test]
fn limits() {
    let limits = Rlimits::init(1000);
    assert_eq!(limits.cur(Resource::Nofile), 1024);
    let raise = Limit {
        cur: 5000,
        max: 5000,
    };
    assert_eq!(
        limits.set(Resource::Nofile, raise, false),
        Err(Errno::EPERM)
    );
    limits.set(Resource::Nofile, raise, true).unwrap();
    assert_eq!(limits.fork().get(Resource::Nofile), raise);
    assert_eq!(
        limits.set(Resource::Cpu, Limit { cur: 2, max: 1 }, true),
        Err(Errno::EINVAL)
    );
    assert!(Resource::from_raw(16).is_err());
}

#[test]
fn one_inside_another_names_what_the_first_names() {
    let outer = UserNamespace::new(&user(1000)).unwrap();
    let root = Cred::init().unwrap();
    outer
        .set_map(MapKind::Users, b"0 1000 10", &root, &root)
        .unwrap();
    outer
        .set_map(MapKind::Groups, b"0 1000 10", &root, &root)
        .unwrap();
    let first = user(1000).in_users(outer.clone());
    let inner = UserNamespace::new(&first).unwrap();
    let set = |text: &[u8]| inner.set_map(MapKind::Users, text, &first, &first);
    assert_eq!(
        set(b"0 5 10"),
        Err(Errno::EPERM),
        "the outer has no name for all"
    );
    assert_eq!(set(b"0 5 2"), Ok(()));
    assert_eq!(inner.kuid(1), Kuid(1006));
    let mut seen = 0;
    inner.for_each_extent(MapKind::Users, &inner, |e| {
        seen = e.outside;
    });
    assert_eq!(seen, 5);
    inner.for_each_extent(MapKind::Users, &UserNamespace::init().unwrap(), |e| {
        seen = e.outside;
    });
    assert_eq!(seen, 1005);
    assert!(user(1000).covers(&first) && !user(1001).covers(&first));
    assert!(first.covers(&first.in_users(inner)));
}

#[test]
fn what_is_counted_counts_outwards_too() {
    let init = UserNamespace::init().unwrap();
    let marks = Counted::FanotifyMarks;
    let outer = UserNamespace::new(&user(2000)).unwrap();
    let map = |ns: &UserNamespace, kind| {
        ns.set_map(kind, b"0 2000 10", &root(), &root()).unwrap();
    };
    map(&outer, MapKind::Users);
    map(&outer, MapKind::Groups);
    let inner = UserNamespace::new(&user(2000).in_users(outer.clone())).unwrap();
    assert_eq!(inner.limit(marks), UNLIMITED);
    assert_eq!(
        inner.set_limit(marks, UNLIMITED + 1).err(),
        Some(Errno::EINVAL)
    );
    let held = init.limit(Counted::InotifyInstances);
    let many = |ns, uid, what| {
        let more = core::iter::repeat_with(move || Charge::new(ns, Kuid(uid), what));
        more.map_while(Result::ok).collect::<Vec<_>>()
    };
    // The owner pays around it, whoever has it inside.
    let all = many(&inner, 5, Counted::InotifyInstances);
    assert_eq!(all.len(), held as usize);
    let more = |uid| Charge::new(&init, Kuid(uid), Counted::InotifyInstances).err();
    assert_eq!((more(2000), more(5)), (Some(Errno::EMFILE), None));
    drop(all);
    assert_eq!(more(2000), None);
    outer.set_limit(marks, 2).unwrap();
    for _ in 0..3 {
        let first = many(&inner, 5, marks);
        assert_eq!(first.len(), 2);
        let refused = first[0].beside(marks).err();
        assert_eq!(refused, Some(Errno::ENOSPC));
        assert!(Charge::new(&outer, Kuid(5), marks).is_ok());
        assert!(Charge::new(&outer, Kuid(2000), marks).is_err());
    }
    outer.set_limit(Counted::UserNamespaces, 1).unwrap();
    let another = || UserNamespace::new(&user(2000).in_users(outer.clone())).err();
    assert_eq!(another(), Some(Errno::ENOSPC));
    drop(inner);
    assert_eq!(another(), None);
    assert_eq!(another(), None);
}
