/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/profile.h"

#include <assert.h>
#include <string.h>

#include "base/attributes.h"

/*
 * Where something can begin to run by itself, after https://attack.mitre.org
 * (Linux, persistence) and the manuals of the programs; in homes also what git
 * and AutoCAD run when a folder is opened.  X(path, technique).
 */
#define PLACES(X)                                                                        \
	X("/etc/systemd", "T1543.002")                                                   \
	X("/usr/lib/systemd", "T1543.002")                                               \
	X("/usr/local/lib/systemd", "T1543.002")                                         \
	X("/lib/systemd", "T1543.002")                                                   \
	X("/run/systemd/system", "T1543.002")                                            \
	X("/run/systemd/transient", "T1543.002")                                         \
	X("/run/systemd/generator*", "T1543.002")                                        \
	X("/run/user/*/systemd", "T1543.002")                                            \
	X("/usr/share/systemd/user", "T1543.002")                                        \
	X("~/.config/systemd", "T1543.002")                                              \
	X("~/.local/share/systemd", "T1543.002")                                         \
	X("/etc/crontab", "T1053.003")                                                   \
	X("/etc/anacrontab", "T1053.003")                                                \
	X("/etc/cron*", "T1053.003")                                                     \
	X("/var/spool/cron", "T1053.003")                                                \
	X("/var/spool/anacron", "T1053.003")                                             \
	X("/var/spool/at", "T1053.002")                                                  \
	X("/var/spool/atjobs", "T1053.002")                                              \
	X("/etc/profile", "T1546.004")                                                   \
	X("/etc/profile.d", "T1546.004")                                                 \
	X("/etc/bash*", "T1546.004")                                                     \
	X("/etc/zsh*", "T1546.004")                                                      \
	X("/etc/zsh/*", "T1546.004")                                                     \
	X("/etc/fish", "T1546.004")                                                      \
	X("/etc/environment", "T1546.004")                                               \
	X("/etc/skel", "T1546.004")                                                      \
	X("~/.bash*", "T1546.004")                                                       \
	X("~/.profile", "T1546.004")                                                     \
	X("~/.zsh*", "T1546.004")                                                        \
	X("~/.zlog*", "T1546.004")                                                       \
	X("~/.zprofile", "T1546.004")                                                    \
	X("~/.kshrc", "T1546.004")                                                       \
	X("~/.cshrc", "T1546.004")                                                       \
	X("~/.tcshrc", "T1546.004")                                                      \
	X("~/.login", "T1546.004")                                                       \
	X("~/.pam_environment", "T1546.004")                                             \
	X("~/.xinitrc", "T1546.004")                                                     \
	X("~/.xsession*", "T1546.004")                                                   \
	X("~/.xprofile", "T1546.004")                                                    \
	X("~/.config/fish", "T1546.004")                                                 \
	X("~/.config/environment.d", "T1546.004")                                        \
	X("/etc/environment.d", "T1546.004")                                             \
	X("/etc/X11/Xsession.d", "T1546.004")                                            \
	X("/etc/X11/xinit", "T1546.004")                                                 \
	X("/etc/udev", "T1546.017")                                                      \
	X("/usr/lib/udev", "T1546.017")                                                  \
	X("/lib/udev", "T1546.017")                                                      \
	X("/run/udev/rules.d", "T1546.017")                                              \
	X("/etc/pam.d", "T1556.003")                                                     \
	X("/etc/pam.conf", "T1556.003")                                                  \
	X("/etc/security", "T1556.003")                                                  \
	X("/lib/security", "T1556.003")                                                  \
	X("/lib/*/security", "T1556.003")                                                \
	X("/lib64/security", "T1556.003")                                                \
	X("/usr/lib/security", "T1556.003")                                              \
	X("/usr/lib/*/security", "T1556.003")                                            \
	X("/usr/lib64/security", "T1556.003")                                            \
	X("/etc/ld.so.preload", "T1574.006")                                             \
	X("/etc/ld.so.conf", "T1574.006")                                                \
	X("/etc/ld.so.conf.d", "T1574.006")                                              \
	X("/etc/modules", "T1547.006")                                                   \
	X("/etc/modules-load.d", "T1547.006")                                            \
	X("/usr/lib/modules-load.d", "T1547.006")                                        \
	X("/run/modules-load.d", "T1547.006")                                            \
	X("/etc/modprobe.d", "T1547.006")                                                \
	X("/usr/lib/modprobe.d", "T1547.006")                                            \
	X("/lib/modules/*/updates", "T1547.006")                                         \
	X("/lib/modules/*/extra", "T1547.006")                                           \
	X("/lib/modules/*/weak-updates", "T1547.006")                                    \
	X("/lib/modules/*/misc", "T1547.006")                                            \
	X("/etc/dkms", "T1547.006")                                                      \
	X("/etc/initramfs-tools", "T1542")                                               \
	X("/etc/dracut.conf.d", "T1542")                                                 \
	X("/etc/grub.d", "T1542")                                                        \
	X("/etc/default", "T1037.004")                                                   \
	X("/etc/ssh", "T1098.004")                                                       \
	X("~/.ssh", "T1098.004")                                                         \
	X("/etc/xdg/autostart", "T1547.013")                                             \
	X("/usr/share/autostart", "T1547.013")                                           \
	X("~/.config/autostart", "T1547.013")                                            \
	X("~/.config/autostart-scripts", "T1547.013")                                    \
	X("~/.config/plasma-workspace", "T1547.013")                                     \
	X("~/.local/share/applications", "T1547.013")                                    \
	X("/etc/init.d", "T1037.004")                                                    \
	X("/etc/rc*", "T1037.004")                                                       \
	X("/etc/init", "T1037.004")                                                      \
	X("/etc/inittab", "T1037.004")                                                   \
	X("/etc/local.d", "T1037.004")                                                   \
	X("/etc/update-motd.d", "T1546")                                                 \
	X("/usr/lib/update-motd.d", "T1546")                                             \
	X("/etc/apt/apt.conf*", "T1546.016")                                             \
	X("/etc/apt/apt.conf.d", "T1546.016")                                            \
	X("/etc/dpkg/dpkg.cfg.d", "T1546.016")                                           \
	X("/etc/dnf", "T1546.016")                                                       \
	X("/etc/yum", "T1546.016")                                                       \
	X("/usr/lib/python*/site-packages/dnf-plugins", "T1546.016")                     \
	X("/etc/NetworkManager/dispatcher.d", "T1546")                                   \
	X("/usr/lib/NetworkManager/dispatcher.d", "T1546")                               \
	X("/etc/network/if-*.d", "T1546")                                                \
	X("/etc/networkd-dispatcher", "T1546")                                           \
	X("/etc/dhcp", "T1546")                                                          \
	X("/etc/ppp", "T1546")                                                           \
	X("/etc/acpi", "T1546")                                                          \
	X("/etc/pm", "T1546")                                                            \
	X("/usr/lib/systemd/system-sleep", "T1546")                                      \
	X("/etc/logrotate.d", "T1053")                                                   \
	X("/etc/sudoers", "T1548.003")                                                   \
	X("/etc/sudoers.d", "T1548.003")                                                 \
	X("/etc/polkit-1", "T1548")                                                      \
	X("/usr/share/polkit-1/rules.d", "T1548")                                        \
	X("/etc/dbus-1", "T1543")                                                        \
	X("/usr/share/dbus-1/system-services", "T1543")                                  \
	X("/etc/binfmt.d", "T1546")                                                      \
	X("/etc/python*/sitecustomize.py", "T1546.018")                                  \
	X("/usr/lib/python*/sitecustomize.py", "T1546.018")                              \
	X("/usr/lib/python*/**/@(*.pth|sitecustomize.py|usercustomize.py)", "T1546.018") \
	X("/usr/local/lib/python*/**/@(*.pth|sitecustomize.py|usercustomize.py)",        \
	    "T1546.018")                                                                 \
	X("~/.local/lib/python*/**/@(*.pth|sitecustomize.py|usercustomize.py)",          \
	    "T1546.018")                                                                 \
	X("/etc/gitconfig", "T1546")                                                     \
	X("/usr/share/git-core/templates/hooks", "T1546")                                \
	X("~/.gitconfig", "T1546")                                                       \
	X("~/.config/git", "T1546")                                                      \
	X("~/.vimrc", "T1546")                                                           \
	X("~/.vim/plugin", "T1546")                                                      \
	X("~/**/@(.git/hooks/"                                                           \
	  "*|acad*.lsp|acad*.fas|acad*.vlx|acad*.mnl|*.mnl|acad.rx|acaddoc.*)",          \
	    "T1546")

static const struct profile_place places[] = {
#define PLACE(place, id) { place, id },
	PLACES(PLACE)
#undef PLACE
};

static const char *const quick_paths[] = {
#define PLACE(place, id) place,
	PLACES(PLACE)
#undef PLACE
};

static const char *const full_paths[] = { "/" };

static const struct profile builtin[] = {
	{ .name = "quick",
	    .paths = quick_paths,
	    .n_paths = MH_ARRAY_LEN(quick_paths),
	    .has_processes = true,
	    .may_cross = true,
	    .archives = true },
	{ .name = "memory", .has_processes = true },
	{ .name = "full",
	    .paths = full_paths,
	    .n_paths = MH_ARRAY_LEN(full_paths),
	    .has_processes = true,
	    .may_cross = true,
	    .archives = true },
};

static_assert(MH_ARRAY_LEN(quick_paths) <= PROFILE_LIST_MAX, "paths of quick");

const struct profile *
profile_builtin(const char *name)
{
	return profile_find(builtin, MH_ARRAY_LEN(builtin), name);
}

const struct profile *
profile_find(const struct profile *own, size_t n_own, const char *name)
{
	for (size_t i = 0; i < n_own; i++) {
		if (strcmp(own[i].name, name) == 0)
			return &own[i];
	}
	return own == builtin ? NULL : profile_builtin(name);
}

const struct profile_place *
profile_places(size_t *ret_n)
{
	*ret_n = MH_ARRAY_LEN(places);
	return places;
}

const char *
profile_name_problem(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > PROFILE_NAME_MAX)
		return "a name has 1 to 32 bytes";
	if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") != len)
		return "a name consists of a-z, 0-9, - and _";
	return NULL;
}
