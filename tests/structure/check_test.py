"""Tests of the checks: each is shown a small repository with one fault planted, and must name it;
and the same without the fault, and must be silent."""

import os
import tempfile
import unittest

import coroutines
import documents
import includes
import scripts
import words
from tree import Tree

SOUND = {
    "src/base/README.md": "# base\nMay include: nothing\n",
    "src/base/ids.h": "#pragma once\n#include <cstdint>\n",
    "src/runtime/README.md": "# runtime\nMay include: `base`\n",
    "src/runtime/core.h": '#include "base/ids.h"\n#include "runtime/core.h"\n',
    "src/runtime/asio/README.md": "May include: `base` `runtime`\n",
    "src/runtime/asio/loop.cc": '#include <boost/asio/io_context.hpp>\n#include "runtime/core.h"\n',
    "src/runtime/sim/README.md": "May include: `base` `runtime`\n",
    "src/runtime/sim/world.h": "#pragma once\n",
    "src/runtime/core_test.cc": '#include <gtest/gtest.h>\n#include "runtime/sim/world.h"\n',
    "docs/ARCHITECTURE.md": "# A\n## Flows\n1. `src/base/ids.h`, then `runtime/core.h`\n## End\n`base/`\n",
    "README.md": "Run `scripts/go --fast`; data in `build/x.txt`.\n```\nscripts/go\n```\n[page](docs/ARCHITECTURE.md)\n",
    "scripts/go": "#!/usr/bin/env bash\necho go\n",
}


class CheckTest(unittest.TestCase):
    def faults(self, check, changes=None, executable=("scripts/go",)):
        with tempfile.TemporaryDirectory() as root:
            for name, text in {**SOUND, **(changes or {})}.items():
                path = os.path.join(root, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
                os.chmod(path, 0o755 if name in executable else 0o644)
            return check(Tree(root))[0]

    def assert_caught(self, check, changes, *words_of_fault, **options):
        self.assertEqual(self.faults(check), [], "the sound repository has no fault")
        faults = self.faults(check, changes, **options)
        self.assertEqual(len(faults), 1, faults)
        for word in words_of_fault:
            self.assertIn(word, faults[0])

    def test_cycle(self):
        changes = {"src/base/README.md": "May include: `runtime`\n"}
        self.assert_caught(includes.check_graph, changes, "base -> runtime -> base")

    def test_unknown_module(self):
        changes = {"src/base/README.md": "May include: `nowhere`\n"}
        self.assert_caught(includes.check_graph, changes, "`nowhere`")

    def test_include_that_is_not_listed(self):
        changes = {"src/base/ids.h": '#pragma once\n\n  #  include "runtime/core.h"\n'}
        self.assert_caught(includes.check_includes, changes, "src/base/ids.h:3", "`runtime`")

    def test_listing_a_folder_does_not_list_the_folders_in_it(self):
        changes = {"src/machine/README.md": "May include: `runtime`\n", "src/machine/m.h": '#include "runtime/asio/a.h"\n'}
        self.assert_caught(includes.check_includes, changes, "runtime/asio")

    def test_the_simulator_is_for_tests_only(self):
        changes = {"src/runtime/core.cc": '#include "runtime/sim/world.h"\n'}
        self.assert_caught(includes.check_includes, changes, "runtime/sim")

    def test_tests_keep_to_the_readme_too(self):
        changes = {"src/base/ids_test.cc": '#include "runtime/core.h"\n'}
        self.assert_caught(includes.check_includes, changes, "src/base/ids_test.cc:1")

    def test_folder_without_readme(self):
        changes = {"src/queues/queue.h": "#pragma once\n"}
        self.assert_caught(includes.check_includes, changes, "src/queues")

    def test_include_of_a_folder_without_readme(self):
        changes = {"src/runtime/core.h": '#include "queues/queue.h"\n'}
        self.assert_caught(includes.check_includes, changes, "src/queues is no module")

    def test_generated_headers_belong_to_their_module(self):
        own = {"src/runtime/core.h": '#include "runtime/gen/table.h"\n#include "base/gen/table.h"\n'}
        self.assertEqual(self.faults(includes.check_includes, own), [])
        changes = {"src/base/ids.h": '#include "runtime/gen/table.h"\n'}
        self.assert_caught(includes.check_includes, changes, "`runtime`")

    def test_relative_include(self):
        changes = {"src/runtime/core.h": '#include "../base/ids.h"\n'}
        self.assert_caught(includes.check_includes, changes, "relative to src/")

    def test_event_loop_elsewhere(self):
        changes = {"src/runtime/core.h": "#include <boost/asio.hpp>\n"}
        self.assert_caught(includes.check_confined, changes, "src/runtime/core.h:1")

    def test_document_names_a_missing_source(self):
        changes = {"docs/ARCHITECTURE.md": "# Flows\n`src/base/ids.h` then `base/gone.h`\n"}
        self.assert_caught(documents.check_paths, changes, "ARCHITECTURE.md:2", "base/gone.h")

    def test_document_names_a_missing_command_in_a_block(self):
        changes = {"HACKING.md": "```\nscripts/go && scripts/gone --now\n```\n"}
        self.assert_caught(documents.check_paths, changes, "HACKING.md:2", "scripts/gone")

    def test_link_that_leads_nowhere(self):
        changes = {"HACKING.md": "[a](docs/gone.md) [b](http://host/gone.md)\n"}
        self.assert_caught(documents.check_paths, changes, "docs/gone.md")

    def test_what_is_no_path_is_left_alone(self):
        text = "`application/json` `HOST:PORT` `a/b` `docs/decisions/NNNN-title.md` `data/x` `co_await` `base::Id`\n"
        self.assertEqual(self.faults(documents.check_paths, {"HACKING.md": text}), [])

    def test_flows_without_files(self):
        changes = {"docs/ARCHITECTURE.md": "# A\n## Flows\nto do\n## End\n`src/base/ids.h`\n"}
        self.assert_caught(documents.check_flows, changes, "no source file")

    def test_machine_path(self):
        changes = {"README.md": "see /" + "root/notes\n"}
        self.assert_caught(words.check_words, changes, "README.md:1")

    def test_registry_host(self):
        changes = {"scripts/go": "#!/bin/sh\ncurl https://files.python" + "hosted.org/x\n"}
        self.assert_caught(words.check_words, changes, "scripts/go:2")

    def test_script_that_does_not_parse(self):
        changes = {"scripts/go": "#!/usr/bin/env bash\nif true; then\n"}
        self.assert_caught(scripts.check_shell, changes, "scripts/go")

    def test_python_that_does_not_parse(self):
        self.assert_caught(scripts.check_python, {"tests/a.py": "def f(:\n"}, "tests/a.py")

    def test_script_that_is_not_executable(self):
        self.assert_caught(scripts.check_runnable, {}, "scripts/go", executable=())

    def test_capturing_coroutine_lambda(self):
        for line in (
            "spawn([this]() -> Task<> { co_await run(); });",
            "auto f = [&, n = g(1)](int x) mutable -> Task<Result<int>> {\n  co_return x;\n};",
            "return [a] { if (x) { co_return; } };",
            "f([] { return [b]() -> Task<> { co_await c(b); }; });",
        ):
            with self.subTest(line):
                changes = {"src/base/bad.cc": "\n" + line + "\n"}
                self.assert_caught(coroutines.check_coroutines, changes, "src/base/bad.cc:2")

    def test_other_lambdas(self):
        for line in (
            "spawn([](Core* core) -> Task<> { co_await core->run(); }, this);",
            "f([this] { return [](int x) -> Task<> { co_await g(x); }; });",
            "f([this] { return 1; });  // [this] { co_await x; }",
            'auto s = "[this] { co_await x; }"; int n = 1\'000; auto c = \'"\';',
            "int x = array[i]; { co_await y; }",
            "[[nodiscard]] Task<> f() { co_await g(); }",
        ):
            with self.subTest(line):
                self.assertEqual(self.faults(coroutines.check_coroutines, {"src/base/good.cc": line}), [])


if __name__ == "__main__":
    unittest.main()
