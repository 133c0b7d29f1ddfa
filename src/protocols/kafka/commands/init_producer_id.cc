// InitProducerId - an id for an idempotent producer. A transactional one is refused in a way that
// clients don't retry.
#include "protocols/kafka/commands/handlers.h"

namespace millrace::kafka {

Task<InitProducerIdResponse> init_producer_id(Context context, InitProducerIdRequest request) {
  InitProducerIdResponse response;
  if (request.transactional_id) {
    response.error_code = code_of(ErrorCode::transactions_unsupported);
    co_return response;
  }
  auto id = co_await context.broker().new_producer_id();
  if (id) {
    response.producer_id = id->value();
  } else {
    response.error_code = code_of(id.error());
  }
  co_return response;
}

}  // namespace millrace::kafka
