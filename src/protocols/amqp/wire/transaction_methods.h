// The classes confirm (85) and tx (90): how a channel learns that its publishes are safe.
#pragma once

#include <string_view>

#include "protocols/amqp/wire/method_id.h"

namespace millrace::amqp {

struct ConfirmSelect {
  static constexpr MethodId kId = make_method_id(85, 10);
  static constexpr std::string_view kName = "confirm.select";
  bool no_wait = false;
  void fields(this auto& self, auto& visit) { visit(self.no_wait); }
  bool operator==(const ConfirmSelect&) const = default;
};

struct ConfirmSelectOk {
  static constexpr MethodId kId = make_method_id(85, 11);
  static constexpr std::string_view kName = "confirm.select-ok";
  void fields(this auto&, auto&) {}
  bool operator==(const ConfirmSelectOk&) const = default;
};

struct TxSelect {
  static constexpr MethodId kId = make_method_id(90, 10);
  static constexpr std::string_view kName = "tx.select";
  void fields(this auto&, auto&) {}
  bool operator==(const TxSelect&) const = default;
};

struct TxSelectOk {
  static constexpr MethodId kId = make_method_id(90, 11);
  static constexpr std::string_view kName = "tx.select-ok";
  void fields(this auto&, auto&) {}
  bool operator==(const TxSelectOk&) const = default;
};

struct TxCommit {
  static constexpr MethodId kId = make_method_id(90, 20);
  static constexpr std::string_view kName = "tx.commit";
  void fields(this auto&, auto&) {}
  bool operator==(const TxCommit&) const = default;
};

struct TxCommitOk {
  static constexpr MethodId kId = make_method_id(90, 21);
  static constexpr std::string_view kName = "tx.commit-ok";
  void fields(this auto&, auto&) {}
  bool operator==(const TxCommitOk&) const = default;
};

struct TxRollback {
  static constexpr MethodId kId = make_method_id(90, 30);
  static constexpr std::string_view kName = "tx.rollback";
  void fields(this auto&, auto&) {}
  bool operator==(const TxRollback&) const = default;
};

struct TxRollbackOk {
  static constexpr MethodId kId = make_method_id(90, 31);
  static constexpr std::string_view kName = "tx.rollback-ok";
  void fields(this auto&, auto&) {}
  bool operator==(const TxRollbackOk&) const = default;
};

}  // namespace millrace::amqp
