// Queues: the figures of many of them, a hop to each core.
#include "broker/broker.h"
#include "broker/queues.h"

namespace millrace {
namespace {

// Before a core does something else again.
constexpr std::size_t kInOneTurn = 256;

}  // namespace

Task<std::vector<std::optional<QueueFigures>>> Queues::figures_of(std::vector<QueueId> queues) {
  std::vector<std::optional<QueueFigures>> figures(queues.size());
  std::vector<std::vector<std::pair<std::size_t, QueueId>>> routes(
      broker_.broker().runtime().core_count());
  for (std::size_t i = 0; i < queues.size(); ++i) {
    const BrokerCore* owner = owner_of(queues[i]);
    if (owner) routes[owner->core().id().value()].emplace_back(i, queues[i]);
  }
  std::vector<Future<bool>> under_way;
  for (std::uint32_t id = 0; id < routes.size(); ++id) {
    if (routes[id].empty()) continue;
    BrokerCore& there = broker_.broker().core(CoreId(id));
    under_way.push_back(start_on(broker_.core(), there.core(),
                                 there.queues().figures_here(std::move(routes[id]), &figures)));
  }
  for (Future<bool>& each : under_way) co_await each;
  co_return figures;
}

Task<bool> Queues::figures_here(std::vector<std::pair<std::size_t, QueueId>> queues,
                                std::vector<std::optional<QueueFigures>>* figures) {
  std::size_t in_turn = 0;
  for (const auto& [index, id] : queues) {
    if (++in_turn % kInOneTurn == 0) co_await Yield{broker_.core()};
    if (Queue* queue = find_here(id)) (*figures)[index] = queue->figures();
  }
  co_return true;
}

}  // namespace millrace
