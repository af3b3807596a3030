// What an asker has seen of a request that failed: `status` is undefined where the answer had begun.

export function failed(error, APIError, text = "") {
  if (!(error instanceof APIError)) throw error;
  return { text, calls: [], status: error.status, error: error.constructor.name, message: error.message };
}
