#include "protocols/kafka/wire/message.h"

namespace millrace::kafka {

bool same(const ByteChain& a, const ByteChain& b) {
  return a.size() == b.size() && same(a.flatten(), b.flatten());
}

}  // namespace millrace::kafka
