#include "protocols/kafka/commands/context.h"

namespace millrace::kafka {

std::optional<std::string> text_of(const Error& error) {
  if (error.code == ErrorCode::ok) return std::nullopt;
  return std::string(error.message());
}

std::shared_ptr<const TopicInfo> find_topic(const Context& context, const std::string& name,
                                            const Uuid& id) {
  const CatalogImage& image = context.broker().image();
  return id.is_zero() ? image.find(name) : image.find(to_topic_id(id));
}

ErrorCode unknown_topic(const Uuid& id) {
  return id.is_zero() ? ErrorCode::unknown_topic_or_partition : ErrorCode::unknown_topic_id;
}

}  // namespace millrace::kafka
