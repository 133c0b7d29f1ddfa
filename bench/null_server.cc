// A server that says yes to every Produce request and keeps nothing: what a load generator reaches
// against it is the generator's own limit on this machine.
//
//   null_server --partitions 6
//
// It listens on a free port of 127.0.0.1, prints {"ready":true,"kafka":"HOST:PORT"}, and answers
// ApiVersions, Metadata (every topic exists, with so many partitions), InitProducerId and Produce.
// Records are read from the socket and not looked at. One thread; it ends with a signal.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace {

constexpr std::int16_t kUnsupportedVersion = 35;
constexpr std::size_t kFrameBytesMax = std::size_t{256} << 20;
constexpr std::size_t kReadBytes = std::size_t{256} << 10;

enum Api : std::int16_t {
  produce = 0,
  fetch = 1,
  metadata = 3,
  find_coordinator = 10,
  api_versions = 18,
  init_producer_id = 22
};

struct Offered {
  std::int16_t api, lowest, highest;
};
// Old versions without tagged fields. Clients want to see Fetch and FindCoordinator before they
// write today's record format and lz4; a producer sends neither.
constexpr std::array<Offered, 6> kOffered{{{produce, 0, 7},
                                           {fetch, 0, 4},
                                           {metadata, 4, 4},
                                           {find_coordinator, 0, 0},
                                           {api_versions, 0, 0},
                                           {init_producer_id, 0, 1}}};

struct Malformed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Request {
 public:
  explicit Request(std::string_view bytes) : rest_(bytes) {}

  std::int64_t number(std::size_t width) {
    std::int64_t value = 0;
    for (const char byte : take(width)) value = value << 8 | static_cast<std::uint8_t>(byte);
    const auto unused = static_cast<int>(64 - width * 8);
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(value) << unused) >> unused;
  }
  std::string_view string() { return sized(number(2)); }
  std::string_view blob() { return sized(number(4)); }

 private:
  std::string_view sized(std::int64_t length) {
    return length < 0 ? std::string_view() : take(static_cast<std::size_t>(length));
  }
  std::string_view take(std::size_t count) {
    if (count > rest_.size()) throw Malformed("a request ends too early");
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }

  std::string_view rest_;
};

// Appends one answer to what a connection has to send; the length is filled in at the end.
class Answer {
 public:
  Answer(std::string& out, std::int64_t correlation) : out_(out), start_(out.size()) {
    number(4, 0).number(4, correlation);
  }
  ~Answer() {
    const auto length = static_cast<std::uint32_t>(out_.size() - start_ - 4);
    for (std::size_t i = 0; i < 4; ++i)
      out_[start_ + i] = static_cast<char>(length >> (24 - 8 * i));
  }
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;

  Answer& number(std::size_t width, std::int64_t value) {
    for (std::size_t i = width; i-- > 0;) out_ += static_cast<char>(value >> (8 * i));
    return *this;
  }
  Answer& string(std::string_view text) {
    number(2, static_cast<std::int64_t>(text.size()));
    out_ += text;
    return *this;
  }

 private:
  std::string& out_;
  std::size_t start_;
};

struct Connection {
  int socket = -1;
  std::vector<char> in;
  std::size_t begin = 0, end = 0;  // what came and was not yet answered
  std::string out;
  bool blocked = false;  // the socket takes no more for now
};

class Server {
 public:
  explicit Server(std::int64_t partitions) : partitions_(partitions) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (listener_ < 0 || ::bind(listener_, generic, length) != 0 || ::listen(listener_, 128) != 0 ||
        ::getsockname(listener_, generic, &length) != 0)
      throw std::runtime_error(std::strerror(errno));
    port_ = ntohs(address.sin_port);
    watch(listener_, EPOLLIN, EPOLL_CTL_ADD);
  }

  int port() const { return port_; }

  void run() {
    std::array<epoll_event, 64> events{};
    for (;;) {
      const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        if (event.data.fd == listener_)
          accept();
        else
          serve(event.data.fd, event.events);
      }
    }
  }

 private:
  void watch(int socket, std::uint32_t what, int operation) {
    epoll_event event{.events = what, .data = {.fd = socket}};
    ::epoll_ctl(epoll_, operation, socket, &event);
  }

  void accept() {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK);
    if (socket < 0) return;
    const int yes = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    auto connection = std::make_unique<Connection>();
    connection->socket = socket;
    connections_[socket] = std::move(connection);
    watch(socket, EPOLLIN, EPOLL_CTL_ADD);
  }

  void serve(int socket, std::uint32_t what) {
    Connection& connection = *connections_.at(socket);
    bool open = true;
    try {
      if ((what & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) open = receive(connection);
      open = open && send(connection);
    } catch (const Malformed& error) {
      std::fprintf(stderr, "null_server: %s\n", error.what());
      open = false;
    }
    if (open) return;
    ::close(socket);
    connections_.erase(socket);
  }

  // Reads once and answers every frame that is complete; false: the connection is at its end.
  bool receive(Connection& connection) {
    make_room(connection);
    const ssize_t count = ::recv(connection.socket, connection.in.data() + connection.end,
                                 connection.in.size() - connection.end, 0);
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    if (count == 0) return false;
    connection.end += static_cast<std::size_t>(count);
    while (connection.end - connection.begin >= 4) {
      const std::size_t length = length_of(connection);
      if (connection.end - connection.begin < 4 + length) break;
      answer({connection.in.data() + connection.begin + 4, length}, connection.out);
      connection.begin += 4 + length;
    }
    return true;
  }

  static std::size_t length_of(const Connection& connection) {
    const auto length =
        static_cast<std::size_t>(Request({connection.in.data() + connection.begin, 4}).number(4));
    if (length > kFrameBytesMax) throw Malformed("a frame is too long");
    return length;
  }

  static void make_room(Connection& connection) {
    if (connection.begin == connection.end) connection.begin = connection.end = 0;
    std::size_t wanted = kReadBytes;
    if (connection.end - connection.begin >= 4) {
      const std::size_t frame = 4 + length_of(connection);
      const std::size_t there = connection.end - connection.begin;
      if (frame > there) wanted = std::max(wanted, frame - there);
    }
    if (connection.in.size() - connection.end >= wanted) return;
    std::memmove(connection.in.data(), connection.in.data() + connection.begin,
                 connection.end - connection.begin);
    connection.end -= connection.begin;
    connection.begin = 0;
    if (connection.in.size() < connection.end + wanted)
      connection.in.resize(connection.end + wanted);
  }

  bool send(Connection& connection) {
    std::size_t sent = 0;
    while (sent < connection.out.size()) {
      const ssize_t count = ::send(connection.socket, connection.out.data() + sent,
                                   connection.out.size() - sent, MSG_NOSIGNAL);
      if (count < 0 && errno != EAGAIN && errno != EINTR) return false;
      if (count < 0) break;
      sent += static_cast<std::size_t>(count);
    }
    connection.out.erase(0, sent);
    if (const bool blocked = !connection.out.empty(); blocked != connection.blocked) {
      watch(connection.socket, blocked ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
      connection.blocked = blocked;
    }
    return true;
  }

  void answer(std::string_view frame, std::string& out) {
    Request request(frame);
    const auto api = static_cast<std::int16_t>(request.number(2));
    const auto version = static_cast<std::int16_t>(request.number(2));
    const std::int64_t correlation = request.number(4);
    request.string();  // the client's name
    switch (api) {
      case produce:
        return answer_produce(request, correlation, out);
      case metadata:
        return answer_metadata(request, correlation, out);
      case api_versions:
        return answer_api_versions(version, correlation, out);
      case init_producer_id:
        Answer(out, correlation).number(4, 0).number(2, 0).number(8, ++producer_id_).number(2, 0);
        return;
      default:
        throw Malformed("API " + std::to_string(api) + " is not answered");
    }
  }

  // Asked in a newer version it says so in the oldest, and clients ask again.
  static void answer_api_versions(std::int16_t version, std::int64_t correlation,
                                  std::string& out) {
    Answer answer(out, correlation);
    answer.number(2, version == 0 ? 0 : kUnsupportedVersion).number(4, kOffered.size());
    for (const Offered& each : kOffered)
      answer.number(2, each.api).number(2, each.lowest).number(2, each.highest);
  }

  void answer_metadata(Request& request, std::int64_t correlation, std::string& out) const {
    Answer answer(out, correlation);
    answer.number(4, 0).number(4, 1);
    answer.number(4, 1).string("127.0.0.1").number(4, port_).number(2, -1);  // the one broker
    answer.string("null").number(4, 1);
    const std::int64_t topics = std::max<std::int64_t>(request.number(4), 0);
    answer.number(4, topics);
    for (std::int64_t topic = 0; topic < topics; ++topic) {
      answer.number(2, 0).string(request.string()).number(1, 0).number(4, partitions_);
      for (std::int64_t partition = 0; partition < partitions_; ++partition)
        answer.number(2, 0)
            .number(4, partition)
            .number(4, 1)
            .number(4, 1)
            .number(4, 1)
            .number(4, 1)
            .number(4, 1);
    }
  }

  static void answer_produce(Request& request, std::int64_t correlation, std::string& out) {
    request.string();  // transactional id
    const std::int64_t acks = request.number(2);
    request.number(4);
    if (acks == 0) return;
    Answer answer(out, correlation);
    const std::int64_t topics = request.number(4);
    answer.number(4, topics);
    for (std::int64_t topic = 0; topic < topics; ++topic) {
      answer.string(request.string());
      const std::int64_t partitions = request.number(4);
      answer.number(4, partitions);
      for (std::int64_t partition = 0; partition < partitions; ++partition) {
        answer.number(4, request.number(4));
        request.blob();
        answer.number(2, 0).number(8, 0).number(8, -1).number(8, 0);
      }
    }
    answer.number(4, 0);
  }

  std::int64_t partitions_;
  int epoll_ = ::epoll_create1(0);
  int listener_ = -1;
  int port_ = 0;
  std::int64_t producer_id_ = 0;
  std::unordered_map<int, std::unique_ptr<Connection>> connections_;
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 3 || std::string_view(arguments[1]) != "--partitions") {
    std::fprintf(stderr, "usage: null_server --partitions N\n");
    return 2;
  }
  Server server(std::atoi(arguments[2]));
  std::printf("{\"ready\":true,\"kafka\":\"127.0.0.1:%d\"}\n", server.port());
  std::fflush(stdout);
  server.run();
}
