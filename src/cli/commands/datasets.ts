import type { Command } from "commander";
import { dataFolder, datasets } from "../../data/datasets.ts";
import { joinPath } from "../../data/paths.ts";
import type { Context } from "../context.ts";
import { addCommon, applyCommon, type CommonOptions } from "../options.ts";
import { path } from "../parsers.ts";

interface Options extends CommonOptions {
  dataDir?: string;
}

/** `datasets`: the data sets, and whether their files are there. */
export function addDatasets(program: Command, { host, output }: Context): void {
  const command = program
    .command("datasets")
    .description("List the data sets and whether their files are in the data folder.")
    .option(
      "--data-dir <dir>",
      "folder of the data sets (else $LATENTGRAD_DATA, else the cache)",
      path,
    );
  addCommon(command, ["datasets", "datasets --data-dir ~/data --json"]).action(
    async (options: Options) => {
      applyCommon(options, output);
      const folder = dataFolder({ host, dataDir: options.dataDir });
      const rows = [];
      for (const { name, summary, files } of datasets) {
        const missing: string[] = [];
        for (const file of files) {
          const plain = file.replace(/\.gz$/, "");
          const found =
            (await host.stat(joinPath(folder, file))) ?? (await host.stat(joinPath(folder, plain)));
          if (found?.kind !== "file") missing.push(file);
        }
        rows.push({ name, summary, available: missing.length === 0, missing });
      }
      if (options.json) {
        output.json({ folder, datasets: rows });
        return;
      }
      for (const { name, summary, missing } of rows) {
        const lacks = missing.length === 0 ? "" : `  [${folder} lacks ${missing.join(", ")}]`;
        output.data(`${name}  ${summary}${lacks}`);
      }
    },
  );
}
