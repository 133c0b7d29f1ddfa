// Table: aligned columns for people.
//
//   Table table({"TOPIC", Table::right("PARTITIONS")});
//   table.add({"orders", "3"});
//   table.print();
//
//   TOPIC   PARTITIONS
//   orders           3
#pragma once

#include <string>
#include <vector>

namespace millrace::cli {

class Table {
 public:
  struct Column {
    std::string title;
    bool to_the_right = false;
    Column(const char* title_in) : title(title_in) {}  // NOLINT: {"A", "B"} reads as a table
    Column(std::string title_in, bool right) : title(std::move(title_in)), to_the_right(right) {}
  };
  static Column right(const char* title) { return {title, true}; }

  explicit Table(std::vector<Column> columns, std::string indent = "")
      : columns_(std::move(columns)), indent_(std::move(indent)) {}

  // As many cells as columns.
  void add(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  std::string text() const;
  void print() const;

 private:
  std::vector<Column> columns_;
  std::string indent_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace millrace::cli
