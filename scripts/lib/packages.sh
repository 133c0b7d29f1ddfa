# shellcheck shell=bash
# Installing Debian packages: only what is missing, never at the price of another package.

require_debian() {
  local id version architecture
  # shellcheck source=/dev/null
  id=$(. /etc/os-release 2>/dev/null && printf '%s' "${ID:-}")
  # shellcheck source=/dev/null
  version=$(. /etc/os-release 2>/dev/null && printf '%s' "${VERSION_ID:-}")
  architecture=$(dpkg --print-architecture 2>/dev/null || uname -m)
  [[ $id == debian && $version == 12 && $architecture == amd64 ]] || die \
    "the scripts install packages on Debian 12, amd64; this is ${id:-an unknown system} ${version:-} $architecture." \
    "Elsewhere: install what stands in scripts/packages/ by hand and set MILLRACE_SETUP=skip."
}

# listed_packages LIST...: the names in scripts/packages/LIST.txt.
listed_packages() {
  local list
  for list in "$@"; do
    sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "scripts/packages/$list.txt"
  done
}

# missing_packages NAME...: those that are not fully installed.
missing_packages() {
  # One query for all of them, so that a machine that has everything is not kept waiting.
  local installed name
  installed=$(dpkg-query --show --showformat '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
  for name in "$@"; do
    [[ $'\n'$installed$'\n' == *$'\n'"$name installed"$'\n'* ]] || printf '%s\n' "$name"
  done
}

# installed_in_the_way NAME...: what apt would remove to install them.
installed_in_the_way() {
  LC_ALL=C apt-get install --simulate --no-install-recommends "$@" 2>/dev/null |
    awk '$1 == "Remv" { print $2 }'
}

# install_packages LIST...
install_packages() {
  [[ ${MILLRACE_SETUP:-} == skip ]] && return 0
  require_debian
  local names missing in_the_way elevate=() environment=(env DEBIAN_FRONTEND=noninteractive)
  mapfile -t names < <(listed_packages "$@")
  mapfile -t missing < <(missing_packages "${names[@]}")
  ((${#missing[@]} > 0)) || return 0

  say "${#missing[@]} packages are missing: ${missing[*]}"
  if ((EUID != 0)); then
    if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || { [[ -t 0 ]] && sudo -v; }; }; then
      elevate=(sudo)
    else
      refuse_conflicts "${missing[@]}"
      die "installing them needs root. As root, run this, then come back:" \
        "  apt-get update && apt-get install --no-install-recommends ${missing[*]}"
    fi
  fi

  local options=(-o Acquire::Retries=3 -o DPkg::Lock::Timeout=300)
  say "apt-get update"
  logged build/setup-update.log "${elevate[@]}" "${environment[@]}" apt-get update "${options[@]}" ||
    die "the package lists could not be brought up to date"
  refuse_conflicts "${missing[@]}"
  say "apt-get install (a few minutes on a fresh machine)"
  # --no-remove: between the look above and this line another program may have installed something.
  logged build/setup-install.log "${elevate[@]}" "${environment[@]}" apt-get install --yes --no-install-recommends \
    --no-remove "${options[@]}" "${missing[@]}" || die "the packages could not be installed"
}

refuse_conflicts() {
  local in_the_way
  mapfile -t in_the_way < <(installed_in_the_way "$@")
  ((${#in_the_way[@]} == 0)) || die \
    "installing what is missing would remove packages that are installed here: ${in_the_way[*]}" \
    "Nothing was changed. Remove them yourself if you can do without them, or use another machine or container."
}
