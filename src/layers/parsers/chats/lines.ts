/** Whether a text begins as a chat log or a transcript does. */
export const looksLikeChatLog = (_head: string): boolean => false
