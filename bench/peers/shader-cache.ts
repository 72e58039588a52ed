/**
 * Variables that have graphics drivers keep compiled shaders in a folder, which is to be empty. Mesa's
 * drivers, llvmpipe among them, else find those of earlier runs in the user's cache: of a large shader
 * that takes 1.7 s to compile the first run then takes 0.1 s. So an engine's first step would be timed
 * by who has run here before.
 */
export function emptyShaderCache(folder: string): Record<string, string> {
  return { MESA_SHADER_CACHE_DIR: folder, __GL_SHADER_DISK_CACHE_PATH: folder };
}
