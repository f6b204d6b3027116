import { Context } from "effect"

/** Whether sources that are gone are taken out of the graph, rather than told. */
export const Pruning = Context.Reference<boolean>("sluice/services/Pruning", { defaultValue: () => false })
