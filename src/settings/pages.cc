#include "settings/pages.h"

#include <fmt/format.h>

#include "settings/table.h"
#include "settings/value.h"

namespace millrace {
namespace {

constexpr std::string_view kIntroduction =
    R"(# Configuration

`millrace serve` has a setting for what an operator needs to decide, all listed below. Each can be given in four ways; the first that says anything wins:

1. a flag of `serve`, where the tables below name one: `--kafka 127.0.0.1:9092`;
2. an environment variable: `MILLRACE_` and the setting's name in capitals with `_` for `.`, as `MILLRACE_KAFKA_LISTEN`;
3. a configuration file in TOML, named by `--config FILE` or `MILLRACE_CONFIG`; there is no file that is read unasked;
4. the default.

Settings are read once, at the start.

## The file

A table for each section. Whatever has a unit or is in words stands in quotes, other numbers and booleans do not:

```console
$ cat > millrace.toml <<'EOF'
> [kafka]
> listen = "127.0.0.1:19092"
> idle_ms_max = "5m"
>
> [storage]
> tail_bytes_max = "128MiB"
> open_segments_max = 2000
> EOF
$ millrace config --check millrace.toml
millrace.toml: 4 settings, no mistakes
```

[millrace.sample.toml](millrace.sample.toml) has every setting with its text, commented out at its default; `millrace config --sample` prints it.
Sizes take `B`, `KiB`, `MiB`, `GiB`, `TiB`; durations `us`, `ms`, `s`, `m`, `h`, `d`. A plain number is in the unit that the setting's name has: bytes, milliseconds, microseconds.

## What is in force

`millrace config` shows what `serve` would take with the same flags, environment and file, and from where. `--json` has the same for programs.

```console
$ MILLRACE_LOG_LEVEL=debug millrace config --config millrace.toml --cores 2 | grep -v ' default$'
SETTING                            VALUE            SOURCE
server.cores                       2                --cores
log.level                          debug            MILLRACE_LOG_LEVEL
kafka.listen                       127.0.0.1:19092  millrace.toml:2
kafka.idle_ms_max                  5m               millrace.toml:3
storage.tail_bytes_max             128MiB           millrace.toml:6
storage.open_segments_max          2000             millrace.toml:7
```

## Mistakes

A name that does not exist, in the file or behind `MILLRACE_` in the environment, a value out of its bounds or of another type: the broker does not start, and says where, what is
allowed and which name is nearest. All mistakes are told at once.

```console
$ printf '[kafka]\nlisten_on = "127.0.0.1:9092"\nidle_ms_max = "5 minutes"\n' > mistakes.toml
$ millrace serve --config mistakes.toml || echo "exit code $?"
millrace: mistakes.toml:2: there is no setting 'kafka.listen_on'; the nearest that there is: 'kafka.listen'
millrace: mistakes.toml:3: kafka.idle_ms_max = '5 minutes': it must be a duration from 1s to 365d, as 200ms or 10m, or a number of milliseconds
See 'millrace config --reference'.
exit code 2
```

## All settings
)";

constexpr std::string_view kSampleHead =
    R"(# Millrace: every setting, commented out at its default. What is not set keeps its default.
#
#   millrace serve --config millrace.toml       reads a file like this one
#   millrace config --check millrace.toml       tells its mistakes
#
# A flag of serve or an environment variable wins over the file: docs/configuration.md.
# Sizes: "64MiB" (B, KiB, MiB, GiB, TiB); durations: "10m" (us, ms, s, m, h, d).
)";

constexpr std::string_view kReferenceEnd =
    R"(
This page is printed by `millrace config --reference`; `scripts/configuration-pages` writes it and the sample.
)";

// A '|' would end the cell of a table.
std::string cell(std::string_view text) {
  std::string out;
  for (const char letter : text) out += letter == '|' ? "\\|" : std::string(1, letter);
  return out;
}

bool is_quoted(const Setting& setting) {
  if (setting.kind == Kind::boolean) return false;
  if (setting.kind == Kind::count) return setting.default_text == setting.word;
  return true;
}

// As comment lines of at most 100 columns.
std::string commented(std::string_view text) {
  constexpr std::size_t kColumns = 100;
  std::string out;
  std::string line = "#";
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    if (line.size() + 1 + end > kColumns) {
      out += line + '\n';
      line = "#";
    }
    line += ' ';
    line += text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out + line + '\n';
}

std::string capitalised(std::string text) {
  text.front() = static_cast<char>(std::toupper(text.front()));
  return text;
}

}  // namespace

std::string reference_page() {
  std::string page(kIntroduction);
  for (const Section& section : all_sections()) {
    page += fmt::format("\n### `[{}]`\n\n{}\n\n", section.name, section.text);
    page += "| setting | default | allowed | what it is |\n| --- | --- | --- | --- |\n";
    for (const Setting& setting : all_settings()) {
      if (setting.section() != section.name) continue;
      const std::string flag = setting.flag.empty() ? "" : fmt::format("<br>`--{}`", setting.flag);
      page += fmt::format("| `{}`{} | `{}` | {} | {} Since {}. |\n", setting.name, flag,
                          setting.default_text, cell(allowed(setting)), cell(setting.text),
                          setting.since);
    }
  }
  return page + std::string(kReferenceEnd);
}

std::string sample_page() {
  std::string page(kSampleHead);
  for (const Section& section : all_sections()) {
    page += fmt::format("\n# {}\n[{}]\n", section.text, section.name);
    for (const Setting& setting : all_settings()) {
      if (setting.section() != section.name) continue;
      page += '\n' + commented(setting.text);
      page += commented(capitalised(allowed(setting)) + '.');
      const std::string_view quote = is_quoted(setting) ? "\"" : "";
      page += fmt::format("#{} = {}{}{}\n", setting.key(), quote, setting.default_text, quote);
    }
  }
  return page;
}

}  // namespace millrace
