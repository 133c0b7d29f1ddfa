// HttpClient: requests to the HTTP API of one broker, one after the other, on a connection that is
// kept. Blocking, and never beyond its time-out.
//
//   HttpClient http({.address = address, .timeout = 10s});
//   Result<HttpReply> reply = http.ask("GET", "/api/queues");
//
// A connection that the server closed meanwhile is made anew. What goes wrong after a request was
// sent is an error: whether it was done is not known.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "client/address.h"
#include "client/deadline.h"

namespace millrace::client {

struct HttpReply {
  unsigned status = 0;
  std::string body;
};

struct HttpClientOptions {
  ServerAddress address;
  Milliseconds timeout{10'000};
  std::string user = "guest";
  std::string password = "guest";
  std::string_view option = "--management";  // by which people say the address
};

class HttpClient {
 public:
  explicit HttpClient(HttpClientOptions options) : options_(std::move(options)) {}
  ~HttpClient() { close(); }
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  const HttpClientOptions& options() const { return options_; }
  // `target`: path and query, encoded. A body is JSON.
  Result<HttpReply> ask(std::string_view method, const std::string& target,
                        const std::string& body = {});

 private:
  Result<void> connect();
  void close();
  Result<void> write(std::string_view text, const Deadline& deadline);
  Result<HttpReply> read(const Deadline& deadline);
  std::unexpected<Error> broken(std::string_view why);
  std::unexpected<Error> late();
  bool was_closed() const;

  const HttpClientOptions options_;
  int socket_ = -1;
};

}  // namespace millrace::client
